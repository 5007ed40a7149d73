"""Targets, one core a file.  See ``docs/architecture.md``, "Adding a core"."""

from __future__ import annotations

from tvm_patch.errors import UserError
from tvm_patch.targets.cortex_m4 import CORTEX_M4
from tvm_patch.targets.cortex_m7 import CORTEX_M7
from tvm_patch.targets.cortex_m55 import CORTEX_M55
from tvm_patch.targets.data_memory import DataMemory
from tvm_patch.targets.host import HOST
from tvm_patch.targets.target import CostTable, Isa, Target
from tvm_patch.targets.tir import TIR

TARGETS: dict[str, Target] = {t.name: t for t in (HOST, CORTEX_M4, CORTEX_M7, CORTEX_M55, TIR)}
"""By name."""


def get_target(name: str) -> Target:
    """Return a target by its name.

    Raises
    ------
    UserError
        When there is none of this name.
    """
    if name not in TARGETS:
        raise UserError(f"no target is named {name!r}; there are {', '.join(TARGETS)}")
    return TARGETS[name]


__all__ = [
    "CORTEX_M4",
    "CORTEX_M7",
    "CORTEX_M55",
    "HOST",
    "TARGETS",
    "TIR",
    "CostTable",
    "DataMemory",
    "Isa",
    "Target",
    "get_target",
]
