"""From the integer dialect to TIR: one loop nest per operator around its kernel.

Importing this package registers the Relax pipeline ``tvm_patch``.
"""

from tvm_patch.lowering.lower_segments import LowerSegments
from tvm_patch.lowering.module_network import describe_module
from tvm_patch.lowering.pipeline import PIPELINE, lowering_pipeline

__all__ = ["PIPELINE", "LowerSegments", "describe_module", "lowering_pipeline"]
