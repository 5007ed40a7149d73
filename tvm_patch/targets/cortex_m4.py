"""Cortex-M4: it runs the instructions of a Cortex-M7, so that one count of them stands for both."""

from __future__ import annotations

from tvm_patch.targets.cortex_m4_instructions import INSTRUCTIONS
from tvm_patch.targets.target import Target

CORTEX_M4 = Target("cortex-m4", ("c", "tir"), INSTRUCTIONS, ample_scratch=4096, tuned_on="cortex-m4")
