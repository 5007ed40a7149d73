"""TVM's virtual machine, by stock ``tvm.compile``: kernels that call no C."""

from __future__ import annotations

from tvm_patch.targets.cortex_m4_cycles import CYCLES
from tvm_patch.targets.cortex_m4_instructions import INSTRUCTIONS
from tvm_patch.targets.target import Target

TIR = Target("tir", ("tir",), CYCLES, INSTRUCTIONS, "cortex-m4", ample_scratch=4096, tuned_on="tir")
