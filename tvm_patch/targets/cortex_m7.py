"""Cortex-M7."""

from __future__ import annotations

from tvm_patch.targets.cortex_m7_cycles import CYCLES
from tvm_patch.targets.cortex_m7_instructions import INSTRUCTIONS
from tvm_patch.targets.target import Target

CORTEX_M7 = Target(
    "cortex-m7",
    ("c", "tir"),
    CYCLES,
    INSTRUCTIONS,
    "cortex-m7",
    ample_scratch=4096,
    tuned_on="cortex-m7",
    issues=2,
)
