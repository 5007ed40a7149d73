"""Cortex-M4."""

from __future__ import annotations

from tvm_patch.targets.cortex_m4_cycles import CYCLES
from tvm_patch.targets.cortex_m4_instructions import INSTRUCTIONS
from tvm_patch.targets.target import Target

CORTEX_M4 = Target(
    "cortex-m4",
    ("c", "tir"),
    CYCLES,
    INSTRUCTIONS,
    "cortex-m4",
    ample_scratch=4096,
    tuned_on="cortex-m4",
)
