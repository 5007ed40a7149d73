"""Lookup tables of unary int8 functions, entry for entry what BUILTIN_REF computes.

A table has 256 entries in order of the input's value: index = value + 128 for int8 input, the value itself
for uint8 input.  Its dtype is the output's.

BUILTIN_REF takes LOGISTIC and TANH from a table made with the C library's float32 ``expf`` and ``tanhf``; the
others are fixed-point.  :mod:`tvm_patch.integer.libm` calls the same C library where it can.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tvm_patch.errors import UnsupportedError
from tvm_patch.integer import libm
from tvm_patch.integer.params import dequantize, dtype_range, float_clip_range, quantize_float
from tvm_patch.integer.requantize import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_away,
    rounding_divide_by_pot,
)

Table = npt.NDArray[np.generic]


def input_values(dtype: str = "int8") -> npt.NDArray[np.int64]:
    """Return every value of `dtype` in the order of a table's entries."""
    low, high = dtype_range(dtype)
    return np.arange(low, high + 1, dtype=np.int64)


def requantize(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    input_dtype: str = "int8",
    output_dtype: str = "int8",
) -> Table:
    """Return the table of QUANTIZE between 8-bit tensors (``reference_ops::Requantize``, double scales)."""
    real = float(np.float32(input_scale)) / float(np.float32(output_scale))
    low, high = dtype_range(output_dtype)
    values = input_values(input_dtype) - input_zero_point
    return _rescale(values, real, output_zero_point, low, high, output_dtype)


def through_float(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    input_dtype: str = "int8",
    output_dtype: str = "int8",
) -> Table:
    """Return the table of DEQUANTIZE followed by QUANTIZE, which round in float32."""
    values = input_values(input_dtype).astype(input_dtype)
    real = dequantize(values, input_scale, input_zero_point)
    return quantize_float(real, output_scale, output_zero_point, output_dtype)


def relu(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of RELU (``ReluX`` with the float32 quotient of the scales)."""
    return _relu_x(0.0, None, input_scale, input_zero_point, output_scale, output_zero_point, dtype)


def relu6(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of RELU6."""
    return _relu_x(0.0, 6.0, input_scale, input_zero_point, output_scale, output_zero_point, dtype)


def relu_n1_to_1(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of RELU_N1_TO_1."""
    return _relu_x(-1.0, 1.0, input_scale, input_zero_point, output_scale, output_zero_point, dtype)


def relu_0_to_1(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of RELU_0_TO_1."""
    return _relu_x(0.0, 1.0, input_scale, input_zero_point, output_scale, output_zero_point, dtype)


def leaky_relu(
    alpha: float,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of LEAKY_RELU (``QuantizeLeakyRelu``; the multipliers are float32 products).

    Parameters
    ----------
    alpha : float
        Slope for negative inputs, a float32; may be negative.
    """
    data, out = np.float32(input_scale), np.float32(output_scale)
    identity = quantize_multiplier(float(data / out))
    slope = float(data * np.float32(alpha) / out)
    multiplier, shift = quantize_multiplier(abs(slope))
    values = input_values(dtype) - input_zero_point
    negative = multiply_by_quantized_multiplier(values, multiplier, shift).astype(np.int64)
    if slope < 0:
        negative = -negative
    positive = multiply_by_quantized_multiplier(values, *identity)
    sums = output_zero_point + np.where(values >= 0, positive, negative)
    clamped: np.ndarray = np.clip(sums, *dtype_range(dtype))
    return clamped.astype(dtype)


def hard_swish(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of HARD_SWISH (``reference_ops::HardSwish``, 16-bit fixed point).

    Raises
    ------
    UnsupportedError
        When input_scale / output_scale is 128 or more: the kernel refuses to run.
    """
    # 7 more bits than the input; 1.0 of the gate is 32768, reached at x = 3.
    hires = np.float32(1.0 / 128.0) * np.float32(input_scale)
    output_multiplier, output_exponent = _multiplier16(float(hires / np.float32(output_scale)))
    gate_scale = np.float32(3.0) / np.float32(32768.0)
    gate_multiplier, gate_exponent = _multiplier16(float(hires / gate_scale))
    if output_exponent > 0:
        raise UnsupportedError(
            f"hard swish from scale {input_scale} to {output_scale}",
            way_out="TFLite's kernel refuses ratios of 128 and more; calibrate the model again",
        )

    value = (input_values(dtype) - input_zero_point) * 128
    preshift = _rounding_high_mul16(value, output_multiplier)
    gate = value
    if gate_exponent > 0:
        gate = _saturate16(gate << (gate_exponent - 1))
    gate = _rounding_high_mul16(gate, gate_multiplier)
    if gate_exponent > 0:
        gate = _saturate16(gate << 1)
    elif gate_exponent < 0:
        gate = _rounding_shift16(gate, -gate_exponent)
    gate = (gate + (1 << 15)) >> 1
    product = gate * preshift
    # Truncation, not rounding, cancels the bias of the rounding multiplications above.
    product = np.sign(product) * (np.abs(product) >> 15)
    out = _rounding_shift16(product, -output_exponent) + output_zero_point
    return np.clip(out, *dtype_range(dtype)).astype(dtype)


def logistic(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of LOGISTIC: ``1 / (1 + expf(-x))`` in float32."""

    def function(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.float32(1) / (np.float32(1) + libm.expf(-x))

    return float_table(function, input_scale, input_zero_point, output_scale, output_zero_point, dtype)


def tanh(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of TANH: ``tanhf(x)``."""
    return float_table(libm.tanhf, input_scale, input_zero_point, output_scale, output_zero_point, dtype)


def float_table(
    function: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str = "int8",
) -> Table:
    """Return the table of a float32 function as TFLite's ``LUTPopulate`` makes it.

    The input is dequantized in float32, and the result is multiplied by the float32 reciprocal of the output
    scale (not divided by the scale) and rounded half away from zero.
    """
    inverse = np.float32(1.0) / np.float32(output_scale)
    data = np.float32(input_scale) * (input_values(dtype) - input_zero_point).astype(np.float32)
    scaled = function(data).astype(np.float32) * inverse
    rounded = round_away(scaled) + np.float32(output_zero_point)
    low, high = dtype_range(dtype)
    clamped: np.ndarray = np.clip(np.trunc(rounded), low, high)
    return clamped.astype(dtype)


def _relu_x(
    lo: float,
    hi: float | None,
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    dtype: str,
) -> Table:
    real = float(np.float32(input_scale) / np.float32(output_scale))
    act_min, act_max = float_clip_range(lo, hi, output_scale, output_zero_point, dtype)
    return _rescale(input_values(dtype) - input_zero_point, real, output_zero_point, act_min, act_max, dtype)


def _rescale(
    values: npt.NDArray[np.int64], real: float, zero_point: int, low: int, high: int, dtype: str
) -> Table:
    scaled = (
        multiply_by_quantized_multiplier(values, *quantize_multiplier(real)).astype(np.int64) + zero_point
    )
    # Lower bound first: with bounds crossed (both outside the range) the upper one wins, as in the kernel.
    return np.minimum(np.maximum(scaled, low), high).astype(dtype)


def _multiplier16(real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(real)
    # TFLite DownScaleInt32ToInt16Multiplier.
    return (32767 if multiplier >= 2**31 - 1 - 2**15 else (multiplier + 2**15) >> 16), shift


def _saturate16(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.clip(x, -32768, 32767)


def _rounding_high_mul16(a: npt.NDArray[np.int64], b: int) -> npt.NDArray[np.int64]:
    product = a * b
    nudged = product + np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return _saturate16(np.sign(nudged) * (np.abs(nudged) >> 15))


def _rounding_shift16(x: npt.NDArray[np.int64], exponent: int) -> npt.NDArray[np.int64]:
    if exponent < 16:
        return rounding_divide_by_pot(x, exponent)
    # gemmlowp's mask of 16 one bits is -1 in int16, which takes 0 and positive values to 1, not to 0.
    return np.where(x >= 0, 1, -1).astype(np.int64)
