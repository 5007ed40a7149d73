"""Cortex-M55 by its DSP instructions, those of a Cortex-M4: no kernel uses its vectors, no model knows its cycles."""

from __future__ import annotations

from tvm_patch.targets.cortex_m4_cycles import CYCLES
from tvm_patch.targets.cortex_m4_instructions import INSTRUCTIONS
from tvm_patch.targets.target import Target

CORTEX_M55 = Target(
    "cortex-m55",
    ("c", "tir"),
    CYCLES,
    INSTRUCTIONS,
    "cortex-m4",
    ample_scratch=4096,
    tuned_on="cortex-m7",
)
