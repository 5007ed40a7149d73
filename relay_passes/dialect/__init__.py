"""The integer dialect: Relax operators ``tvm_patch.*`` with TFLite's exact int8 semantics.

Stock Relax has no integer convolution with TFLite's rounding; quantized graphs arrive as dequantize -> float
operator -> quantize, which is not bit-exact.  ``LegalizeQuantized`` turns each such island into one call of an
operator defined here.  A call holds its activations and constants as arguments and everything else as attributes
(``DictAttrs`` of ints and int lists), so passes can read and rewrite it like any other Relax call.

Data movement (reshape, permute_dims, concat, split, strided_slice, take, tile) needs no operator of its own: the
stock Relax operators are used on int8 tensors.
"""

from relay_passes.dialect.ops import OPS, OpDef, build_call, is_dialect_call, op_def

__all__ = ["OPS", "OpDef", "build_call", "is_dialect_call", "op_def"]
