"""Integer attributes of the dialect's operators, from the float32 scales and zero points of a TFLite model.

Each function computes what the ``Prepare`` of the TFLite kernel computes, in the same order and precision:
where the kernel multiplies scales in float32, so does this module.  The dictionaries hold exactly the
attributes that :mod:`relay_passes.dialect` asks for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tvm_patch.errors import UnsupportedError
from tvm_patch.integer.requantize import quantize_multiplier, round_away, round_half_away

ADD_LEFT_SHIFT = 20
"""Bits by which ADD and SUB scale their inputs up before they add (TFLite ``add.cc``, 8 bits)."""

MEAN_FORMULA = "folded"
"""The only value of MEAN's attribute ``formula``: the division by the count is folded into the multiplier.

``out = clamp(output_zero_point + mbqm(sum(x) - input_zero_point * count, multiplier, shift))`` with
``mbqm`` = :func:`tvm_patch.integer.requantize.multiply_by_quantized_multiplier`.  BUILTIN_REF takes this path
for all axes, with and without kept dimensions; SUM is the same formula with an unfolded multiplier.
"""

_SCALED_DIFF_INTEGER_BITS = 5
_DTYPE_RANGE = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
_ACTIVATION_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def dtype_range(dtype: str) -> tuple[int, int]:
    """Return the least and the greatest value of a quantized dtype (``int8``, ``uint8``, ``int16``)."""
    if dtype not in _DTYPE_RANGE:
        raise ValueError(f"{dtype} is not a quantized dtype; expected one of {sorted(_DTYPE_RANGE)}")
    return _DTYPE_RANGE[dtype]


def float_clip_range(
    lo: float | None, hi: float | None, scale: float, zero_point: int, dtype: str = "int8"
) -> tuple[int, int]:
    """Return the integer bounds of clamping real values to [lo, hi] in a quantized tensor.

    The rounding of TFLite's ``CalculateActivationRangeQuantized``: the bound over the scale in float32,
    rounded half away from zero.

    Parameters
    ----------
    lo, hi : float or None
        Real bounds; None or an infinity for no bound.
    scale, zero_point : float, int
        Of the tensor that is clamped.
    dtype : str
        Its dtype.

    Returns
    -------
    act_min, act_max : int
        Within the range of `dtype`.
    """
    low, high = dtype_range(dtype)
    if lo is not None and not math.isinf(lo):
        low = max(low, _quantize_bound(lo, scale, zero_point))
    if hi is not None and not math.isinf(hi):
        high = min(high, _quantize_bound(hi, scale, zero_point))
    return low, high


def activation_range(activation: str, scale: float, zero_point: int, dtype: str = "int8") -> tuple[int, int]:
    """Return the clamp of a fused activation (TFLite ``CalculateActivationRangeQuantized``).

    Parameters
    ----------
    activation : str
        "NONE", "RELU", "RELU6" or "RELU_N1_TO_1", the schema's names.
    scale, zero_point : float, int
        Of the output tensor.
    dtype : str
        Of the output tensor.

    Raises
    ------
    ValueError
        For any other activation.
    """
    if activation not in _ACTIVATION_BOUNDS:
        raise ValueError(f"no fused activation {activation}; expected one of {sorted(_ACTIVATION_BOUNDS)}")
    lo, hi = _ACTIVATION_BOUNDS[activation]
    return float_clip_range(lo, hi, scale, zero_point, dtype)


def add_attrs(
    lhs_scale: float,
    lhs_zero_point: int,
    rhs_scale: float,
    rhs_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    activation: str = "NONE",
) -> dict[str, int]:
    """Return the attributes of dialect ``add`` and ``sub`` (TFLite ``add.cc`` and ``sub.cc``, 8 bits).

    Raises
    ------
    UnsupportedError
        When the output scale is below about 2**-19 of an input scale: TFLite's ADD aborts, its SUB shifts by
        a negative amount.
    """
    lhs, rhs, out = np.float32(lhs_scale), np.float32(rhs_scale), np.float32(output_scale)
    twice_max = float(np.float32(2) * max(lhs, rhs))
    lhs_multiplier, lhs_shift = quantize_multiplier(float(lhs) / twice_max)
    rhs_multiplier, rhs_shift = quantize_multiplier(float(rhs) / twice_max)
    output_multiplier, output_shift = quantize_multiplier(
        twice_max / float(np.float32(1 << ADD_LEFT_SHIFT) * out)
    )
    if output_shift > 0:
        raise UnsupportedError(
            f"output scale {output_scale} is too fine for input scales {lhs_scale} and {rhs_scale}",
            way_out="TFLite's kernel aborts on it; calibrate the model again",
        )
    act_min, act_max = activation_range(activation, output_scale, output_zero_point)
    return {
        "lhs_zero_point": int(lhs_zero_point),
        "rhs_zero_point": int(rhs_zero_point),
        "output_zero_point": int(output_zero_point),
        "left_shift": ADD_LEFT_SHIFT,
        "lhs_multiplier": lhs_multiplier,
        "lhs_shift": lhs_shift,
        "rhs_multiplier": rhs_multiplier,
        "rhs_shift": rhs_shift,
        "output_multiplier": output_multiplier,
        "output_shift": output_shift,
        "act_min": act_min,
        "act_max": act_max,
    }


def mul_attrs(
    lhs_scale: float,
    lhs_zero_point: int,
    rhs_scale: float,
    rhs_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    activation: str = "NONE",
) -> dict[str, int]:
    """Return the attributes of dialect ``mul`` (TFLite ``mul.cc``: the whole multiplier in float32)."""
    real = np.float32(lhs_scale) * np.float32(rhs_scale) / np.float32(output_scale)
    multiplier, shift = quantize_multiplier(float(real))
    act_min, act_max = activation_range(activation, output_scale, output_zero_point)
    return {
        "lhs_zero_point": int(lhs_zero_point),
        "rhs_zero_point": int(rhs_zero_point),
        "output_zero_point": int(output_zero_point),
        "multiplier": multiplier,
        "shift": shift,
        "act_min": act_min,
        "act_max": act_max,
    }


def mean_attrs(
    input_scale: float,
    input_zero_point: int,
    output_scale: float,
    output_zero_point: int,
    count: int,
) -> dict[str, int | str]:
    """Return the quantization attributes of dialect ``mean`` (TFLite ``QuantizedMeanOrSum``).

    Parameters
    ----------
    input_scale, input_zero_point, output_scale, output_zero_point
        Quantization of the two tensors.
    count : int
        Number of elements in each mean: the product of the reduced dimensions.

    Returns
    -------
    dict
        ``input_zero_point``, ``output_zero_point``, ``multiplier``, ``shift`` (1/count folded in) and
        ``formula`` (:data:`MEAN_FORMULA`); add ``axes`` and ``keepdims``.
    """
    if count < 1:
        raise ValueError(f"the mean of {count} elements")
    real = float(np.float32(input_scale)) / float(np.float32(output_scale))
    multiplier, shift = quantize_multiplier(real)
    # As many bits as the quotient can take without leaving 32 bits, but never a right shift beyond 31.
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return {
        "input_zero_point": int(input_zero_point),
        "output_zero_point": int(output_zero_point),
        "multiplier": (multiplier << extra) // count,
        "shift": shift - extra,
        "formula": MEAN_FORMULA,
    }


def softmax_attrs(input_scale: float, beta: float = 1.0) -> dict[str, int]:
    """Return the attributes of dialect ``softmax`` (TFLite ``PreprocessSoftmaxScaling``, Q5.26).

    ``multiplier`` and ``shift`` scale a difference of int8 values to Q5.26; differences below ``diff_min``
    give an output of exactly -128.

    Raises
    ------
    UnsupportedError
        When ``beta * input_scale`` is 2**-26 or less: the TFLite kernel aborts.
    """
    real = float(np.float32(beta)) * float(np.float32(input_scale)) * (1 << (31 - _SCALED_DIFF_INTEGER_BITS))
    if real <= 1.0:
        raise UnsupportedError(
            f"softmax of scale {input_scale} and beta {beta} is flat",
            way_out="TFLite's kernel aborts on it; calibrate the model again",
        )
    multiplier, shift = quantize_multiplier(min(real, 2.0**31 - 1.0))
    largest = ((1 << _SCALED_DIFF_INTEGER_BITS) - 1) * (1 << (31 - _SCALED_DIFF_INTEGER_BITS)) / (1 << shift)
    return {"multiplier": multiplier, "shift": shift, "diff_min": -math.floor(largest)}


def prelu_attrs(
    input_scale: float,
    input_zero_point: int,
    alpha_scale: float,
    alpha_zero_point: int,
    output_scale: float,
    output_zero_point: int,
) -> dict[str, int]:
    """Return the attributes of dialect ``prelu`` (TFLite ``PreluPrepare``: multipliers in float32)."""
    data, alpha, out = np.float32(input_scale), np.float32(alpha_scale), np.float32(output_scale)
    positive_multiplier, positive_shift = quantize_multiplier(float(data / out))
    negative_multiplier, negative_shift = quantize_multiplier(float(data * alpha / out))
    return {
        "input_zero_point": int(input_zero_point),
        "alpha_zero_point": int(alpha_zero_point),
        "output_zero_point": int(output_zero_point),
        "positive_multiplier": positive_multiplier,
        "positive_shift": positive_shift,
        "negative_multiplier": negative_multiplier,
        "negative_shift": negative_shift,
    }


def quantize_float(x: npt.ArrayLike, scale: float, zero_point: int, dtype: str = "int8") -> npt.NDArray[Any]:
    """Return float32 values quantized (TFLite ``reference_ops::AffineQuantize``).

    Parameters
    ----------
    x : array of float32
        Finite.  Values beyond int32 after the division saturate (LiteRT's conversion of them is undefined).
    scale, zero_point : float, int
        Of the result; the scale is used as a float32.
    dtype : str
        ``int8``, ``uint8`` or ``int16``.

    Returns
    -------
    ndarray of `dtype`
        ``clamp(round(x / scale) + zero_point)``, the quotient in float32, halves away from zero.

    Raises
    ------
    ValueError
        When a value is not a number.
    """
    data = np.asarray(x, np.float32)
    if np.isnan(data).any():
        raise ValueError("a value to quantize is not a number")
    with np.errstate(over="ignore"):
        rounded = round_away(data / np.float32(scale))
    whole = np.clip(rounded.astype(np.float64), -(2.0**31), 2.0**31 - 1).astype(np.int64)
    return np.clip(whole + zero_point, *dtype_range(dtype)).astype(dtype)


def dequantize(x: npt.ArrayLike, scale: float, zero_point: int) -> npt.NDArray[np.float32]:
    """Return quantized values as float32 (TFLite ``reference_ops::Dequantize``).

    Parameters
    ----------
    x : array of int8, uint8 or int16
    scale, zero_point : float, int
        Quantization of `x`.
    """
    # The difference has at most 17 bits, so the double product is exact and rounds once.
    centred = np.asarray(x).astype(np.int64) - zero_point
    return (centred * float(np.float32(scale))).astype(np.float32)


def dequantize_int8(x: npt.ArrayLike, scale: float, zero_point: int) -> npt.NDArray[np.float32]:
    """Return int8 values as float32; see :func:`dequantize`."""
    return dequantize(np.asarray(x, np.int8), scale, zero_point)


def _quantize_bound(value: float, scale: float, zero_point: int) -> int:
    return int(zero_point) + round_half_away(float(np.float32(value) / np.float32(scale)))
