"""From the integer dialect to TIR: one loop nest per operator around its kernel.

Importing this package registers the Relax pipeline ``tvm_patch``.
"""

from tvm_patch.lowering.pipeline import PIPELINE, lowering_pipeline
from tvm_patch.lowering.to_vm import LowerQuantized

__all__ = ["PIPELINE", "LowerQuantized", "lowering_pipeline"]
