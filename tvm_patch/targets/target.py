"""What code is made for: which kernels a core runs, and what they cost on it.

A :class:`Target` is what everything is chosen by that differs from core to core: kernels
(:mod:`tvm_patch.kernels.registry`), plans (:mod:`tvm_patch.planner`) and what tuning measured.  Nothing
here imports TVM.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from tvm_patch.targets.data_memory import DataMemory

Isa = Literal["c", "tir"]
"""What a kernel is written in; see :mod:`tvm_patch.kernels.base`."""

CostTable = Mapping[str, float]
"""Cycles, or instructions, by piece of code; see ``docs/planner-estimate.md``."""


@dataclass(frozen=True)
class Target:
    """One core, or TVM's virtual machine.

    Attributes
    ----------
    name : str
        As boards name their core.
    isas : tuple of str
        What kernels may be written in, best first.
    costs : mapping of str to float
        Cycles by piece of code, for the planner's estimate.
    instructions : mapping of str to float
        Instructions by piece of code, of the core whose cycles those are.
    timed_on : str
        Name of the core whose cycles those are.
    ample_scratch : int
        Bytes of scratch beyond which hardly any kernel gets faster.
    tuned_on : str
        Name of the target whose measurements choose configs here: of cores that run the same instructions, one is
        enough.
    issues : int
        Instructions that the core begins in a cycle at most.
    memory : DataMemory or None
        Of the board that code is made for; None where no board is known, or its memories answer at once.
    """

    name: str
    isas: tuple[Isa, ...]
    costs: CostTable = field(repr=False, hash=False)
    instructions: CostTable = field(repr=False, hash=False)
    timed_on: str
    ample_scratch: int
    tuned_on: str
    issues: int = 1
    memory: DataMemory | None = None

    @property
    def prints_c(self) -> bool:
        """Whether its code is printed as C, which may call C functions; TVM's LLVM back end may not."""
        return "c" in self.isas

    @cached_property
    def counting_instructions(self) -> Target:
        """The same target for an estimate of instructions: they are its costs."""
        return replace(self, costs=self.instructions)

    def runs_kernels_of(self, other: Target) -> bool:
        """Tell whether kernels are chosen here as on the other: then a plan for one is a plan for both."""
        return self.isas == other.isas
