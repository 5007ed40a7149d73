"""The machine at hand: it runs the C that boards are given, through the portable bodies of its functions.

What is estimated and tuned is meant for a board, so its numbers are a board's.
"""

from __future__ import annotations

from tvm_patch.targets.cortex_m7_cycles import CYCLES
from tvm_patch.targets.cortex_m7_instructions import INSTRUCTIONS
from tvm_patch.targets.target import Target

HOST = Target(
    "host",
    ("c", "tir"),
    CYCLES,
    INSTRUCTIONS,
    "cortex-m7",
    ample_scratch=4096,
    tuned_on="cortex-m7",
    issues=2,
)
