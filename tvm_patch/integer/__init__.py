"""Integer semantics of the dialect: parameters, tables and a numpy reference, bit-exact with BUILTIN_REF.

Pure Python and numpy; no TVM.
"""

from tvm_patch.integer.params import (
    MEAN_FORMULA,
    activation_range,
    add_attrs,
    dequantize,
    dequantize_int8,
    dtype_range,
    float_clip_range,
    mean_attrs,
    mul_attrs,
    prelu_attrs,
    quantize_float,
    softmax_attrs,
)
from tvm_patch.integer.requantize import (
    conv_multipliers,
    fully_connected_multipliers,
    multiply_by_quantized_multiplier,
    multiply_exact,
    quantize_multiplier,
    quantize_multiplier_exact,
)

__all__ = [
    "MEAN_FORMULA",
    "activation_range",
    "add_attrs",
    "conv_multipliers",
    "dequantize",
    "dequantize_int8",
    "dtype_range",
    "float_clip_range",
    "fully_connected_multipliers",
    "mean_attrs",
    "mul_attrs",
    "multiply_by_quantized_multiplier",
    "multiply_exact",
    "prelu_attrs",
    "quantize_float",
    "quantize_multiplier",
    "quantize_multiplier_exact",
    "softmax_attrs",
]
