"""TFLite's fixed-point rescaling: ``real multiplier`` → (Q31 mantissa, exponent) → int32 arithmetic.

Everything here is the arithmetic of gemmlowp (Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference", 2018, section 2.2) with the two roundings that TFLite's
reference kernels make one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tvm_patch.errors import UnsupportedError

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)


def round_half_away(value: float) -> int:
    """Return `value` rounded to the nearest integer, halves away from zero (C's ``round``)."""
    whole = math.floor(abs(value))
    # The fraction of a double is exact, so comparing it with 0.5 is the definition of the rounding.
    whole += abs(value) - whole >= 0.5
    return whole if value >= 0 else -whole


def round_away(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return `x` rounded to the nearest integer, halves away from zero as float32 (C's ``roundf``)."""
    whole = np.floor(np.abs(x))
    rounded: npt.NDArray[np.float32] = np.copysign(whole + (np.abs(x) - whole >= 0.5), x).astype(np.float32)
    return rounded


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Return `real` as TFLite's fixed-point pair (``QuantizeMultiplier``).

    Parameters
    ----------
    real : float
        Finite multiplier, a double.  Negative ones occur: training with batch normalization folded in leaves
        negative scales on single channels of weights.

    Returns
    -------
    multiplier : int
        Mantissa in Q31, its magnitude in [2**30, 2**31], or 0; -2**31 occurs, 2**31 does not.
    shift : int
        Power of two; positive goes left.  ``real ~ multiplier / 2**31 * 2**shift``.

    Raises
    ------
    ValueError
        When `real` is infinite or not a number.
    """
    if not math.isfinite(real):
        raise ValueError(f"a rescaling multiplier must be finite, got {real}")
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2.0**31)
    if multiplier == 2**31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def saturating_rounding_doubling_high_mul(a: npt.ArrayLike, b: npt.ArrayLike) -> Int64Array:
    """Return ``round(a * b / 2**31)`` of int32 values, exact halves upwards.

    gemmlowp ``SaturatingRoundingDoublingHighMul``: the product is nudged by 2**30 (1 - 2**30 when negative)
    and divided by 2**31 towards zero.  The only overflow, both operands -2**31, saturates.

    Returns
    -------
    ndarray of int64
        Values in the int32 range.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    # Division towards zero: floor for positives, ceiling for negatives.
    quotient = np.where(nudged >= 0, nudged >> 31, -((-nudged) >> 31))
    return np.minimum(quotient, INT32_MAX).astype(np.int64)


def rounding_divide_by_pot(x: npt.ArrayLike, exponent: npt.ArrayLike) -> Int64Array:
    """Return ``x / 2**exponent`` to nearest, halves away from zero (gemmlowp ``RoundingDivideByPOT``).

    Parameters
    ----------
    x : array of int
    exponent : array of int
        Not negative, at most 31; broadcasts with `x`.
    """
    x64 = np.asarray(x, np.int64)
    exp = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << exp) - 1
    threshold = (mask >> 1) + (x64 < 0)
    return (x64 >> exp) + ((x64 & mask) > threshold)


def wrap_int32(x: npt.ArrayLike) -> Int64Array:
    """Return `x` modulo 2**32 in the int32 range: what C's int32 holds after an overflow."""
    return ((np.asarray(x, np.int64) + 2**31) & 0xFFFFFFFF) - 2**31


def multiply_by_quantized_multiplier(
    acc: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike
) -> Int32Array:
    """Return ``acc * multiplier / 2**31 * 2**shift`` with TFLite's double rounding.

    TFLite ``MultiplyByQuantizedMultiplier`` without ``TFLITE_SINGLE_ROUNDING``: left shift (wrapping),
    saturating rounding doubling high multiplication, then rounding division by a power of two.

    Parameters
    ----------
    acc : array of int32 or int64
        Values must fit int32.
    multiplier, shift : array of int or int
        Broadcast with `acc` (one per channel on the last axis, usually).

    Returns
    -------
    ndarray of int32
    """
    shift64 = np.asarray(shift, np.int64)
    shifted = wrap_int32(np.asarray(acc, np.int64) << np.maximum(shift64, 0))
    high = saturating_rounding_doubling_high_mul(shifted, multiplier)
    return rounding_divide_by_pot(high, np.maximum(-shift64, 0)).astype(np.int32)


def conv_multipliers(
    input_scale: float, weight_scales: Sequence[float] | npt.ArrayLike, output_scale: float, channels: int
) -> tuple[Int32Array, Int32Array]:
    """Return the rescaling pair of every output channel of a convolution.

    TFLite ``PopulateConvolutionQuantizationParams``: float32 scales widened to double, multiplied, divided.
    Convolutions of every kind use it; for FULLY_CONNECTED see :func:`fully_connected_multipliers`.

    Parameters
    ----------
    input_scale, output_scale : float
        float32 scales of the activations.
    weight_scales : sequence of float
        One (per tensor, repeated) or `channels` of them.
    channels : int
        Number of output channels.

    Returns
    -------
    multiplier, shift : ndarray of int32, shape (channels,)

    Raises
    ------
    ValueError
        When the number of weight scales is neither 1 nor `channels`.
    """
    scales = _channel_scales(weight_scales, channels)
    double_in, double_out = float(np.float32(input_scale)), float(np.float32(output_scale))
    return _pairs([double_in * float(s) / double_out for s in scales], channels)


def quantize_multiplier_exact(real: float) -> tuple[int, int]:
    """Return the double `real` as (mantissa, shift) with nothing lost: ``mantissa * 2**(shift - 53)``.

    The shift means what it means in :func:`quantize_multiplier`, whose multiplier is the mantissa rounded to
    31 bits.

    Parameters
    ----------
    real : float
        Multiplier of magnitude below 2**30; negative where a weight scale is.

    Returns
    -------
    multiplier : int
        Of magnitude in [2**52, 2**53), or 0 for magnitudes below 2**-33, which take every int32 to 0.
    shift : int
        At least -32, at most 30.

    Raises
    ------
    ValueError
        When the magnitude is 2**30 or more, or `real` is not a number.
    """
    if not abs(real) < 2.0**30:
        raise ValueError(f"a rescaling multiplier must be within 2**30, got {real}")
    if abs(real) < 2.0**-33:
        return 0, 0
    fraction, shift = math.frexp(real)
    return int(fraction * 2.0**53), shift


def multiply_exact(acc: npt.ArrayLike, multiplier: npt.ArrayLike, shift: npt.ArrayLike) -> Int64Array:
    """Return ``acc * multiplier * 2**(shift - 53)`` rounded once, halves away from zero.

    What BUILTIN_REF's FULLY_CONNECTED computes with doubles, ``round(acc * real)``.  The product has 84 bits;
    the mantissa is split at bit 22 so that int64 is enough and every step is exact.  With ``a = |acc|`` and
    ``m = |multiplier|``, ``t = a * (m >> 22) + ((a * (m & 0x3FFFFF)) >> 22)`` is the product divided by 2**22
    and rounded down; the result is ``(t + 2**(30 - shift)) >> (31 - shift)`` with the sign of the product.

    Parameters
    ----------
    acc : array of int32 or int64
        Values must fit int32.
    multiplier : array of int64 or int
        From :func:`quantize_multiplier_exact`; broadcasts with `acc`.
    shift : array of int32 or int
        Likewise.

    Returns
    -------
    ndarray of int64
    """
    acc64 = np.asarray(acc, np.int64)
    factor = np.asarray(multiplier, np.int64)
    right = 31 - np.asarray(shift, np.int64)
    a, m = np.abs(acc64), np.abs(factor)
    total = a * (m >> 22) + ((a * (m & 0x3FFFFF)) >> 22)
    rounded = (total + (np.int64(1) << (right - 1))) >> right
    signed: Int64Array = np.where((acc64 < 0) ^ (factor < 0), -rounded, rounded)
    return signed


def fully_connected_multipliers(
    input_scale: float, weight_scales: Sequence[float] | npt.ArrayLike, output_scale: float, channels: int
) -> tuple[Int64Array, Int32Array]:
    """Return the exact rescaling pair of every output of FULLY_CONNECTED, for :func:`multiply_exact`.

    BUILTIN_REF of LiteRT 2 does not rescale FULLY_CONNECTED with a fixed-point pair as it does convolutions: it
    multiplies the accumulator by ``double(input_scale) * double(weight_scale) / double(output_scale)`` and rounds
    (``reference_integer_ops::FullyConnected`` with float scales).  31 bits of mantissa do not reproduce
    that; the 53 bits of the double do (one in its last place more where the rounding of the double product
    itself shows, mostly at simple ratios of the scales).

    Parameters and errors as for :func:`conv_multipliers`.

    Returns
    -------
    multiplier : ndarray of int64, shape (channels,)
    shift : ndarray of int32, shape (channels,)

    Raises
    ------
    UnsupportedError
        When no mantissa of 53 bits reproduces the rounding of the doubles (not seen in 10**6 tries).
    """
    scales = _channel_scales(weight_scales, channels)
    double_in, double_out = float(np.float32(input_scale)), float(np.float32(output_scale))
    pairs = [_like_double(double_in * float(s) / double_out) for s in scales]
    if len(pairs) == 1:
        pairs *= channels
    return np.array([m for m, _ in pairs], np.int64), np.array([s for _, s in pairs], np.int32)


def _like_double(real: float) -> tuple[int, int]:
    """Return the pair with which `multiply_exact` gives what double arithmetic gives for outputs of 8 bits.

    A double product is itself rounded to 53 bits, which can lift one that is barely below a half onto it.  One
    unit more in the mantissa does the same: the product was short by at most half a unit of its own last place.
    """
    multiplier, shift = quantize_multiplier_exact(real)
    for candidate in (multiplier, multiplier + (1 if real > 0 else -1)):
        if abs(candidate) < 2**53 and _rounds_like_double(real, candidate, shift):
            return candidate, shift
    raise UnsupportedError(f"FULLY_CONNECTED with multiplier {real!r}: no 53-bit mantissa rounds as it does")


def _rounds_like_double(real: float, multiplier: int, shift: int) -> bool:
    """Compare both sides of every step of the rounded product within reach of an 8-bit output."""
    if multiplier == 0:
        return True
    # Both functions are odd and monotone, so they are equal everywhere when they are equal around each step;
    # outputs beyond 384 are clamped whatever the zero point.
    steps = np.minimum((np.arange(384) + 0.5) / abs(real), 2.0**31 - 3).astype(np.int64)
    acc = np.concatenate([steps + i for i in (-1, 0, 1, 2)]).clip(0)
    product = acc.astype(np.float64) * abs(real)
    whole = np.floor(product)
    return bool((multiply_exact(acc, abs(multiplier), shift) == whole + (product - whole >= 0.5)).all())


def _channel_scales(weight_scales: Sequence[float] | npt.ArrayLike, channels: int) -> npt.NDArray[np.float32]:
    scales = np.asarray(weight_scales, np.float32).reshape(-1)
    if scales.size not in (1, channels):
        raise ValueError(f"{scales.size} weight scales for {channels} output channels")
    return scales


def _pairs(reals: Sequence[float], channels: int) -> tuple[Int32Array, Int32Array]:
    pairs = [quantize_multiplier(r) for r in reals]
    if len(pairs) == 1:
        pairs *= channels
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int32)
