"""TFLite's fixed-point rescaling of one int32 expression by literals known at compile time.

No multiplication below leaves its type, no shift is of a negative value to the left: the C that comes out has
no undefined behaviour for any input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr

INT32_LIMIT = 1 << 31


def high_multiply(value: Expr, multiplier: Any, bound: int = INT32_LIMIT) -> Expr:
    """Return ``SaturatingRoundingDoublingHighMul`` of two int32 values that are not both -2**31.

    gemmlowp nudges by the product's sign and divides towards zero; that equals rounding halves up, which is
    one addition and one shift.  Values of any `bound` are the same to it.
    """
    factor = T.int64(multiplier) if isinstance(multiplier, int) else T.cast(multiplier, "int64")
    product = T.cast(value, "int64") * factor
    return T.cast(T.shift_right(product + T.int64(1 << 30), T.int64(31)), "int32")


def rounding_shift_right(value: Expr, bits: int, bound: int = INT32_LIMIT) -> Expr:
    """Return `value` over ``2**bits`` rounded to nearest, halves away from zero (``RoundingDivideByPOT``).

    Parameters
    ----------
    value : Expr
        int32.
    bits : int
        0 to 31.
    bound : int
        No absolute value exceeds it; 64-bit arithmetic is used where 32 bits may overflow.
    """
    if bits == 0:
        return value
    half = 1 << (bits - 1)
    if bound + half < INT32_LIMIT:
        return T.shift_right(value + T.shift_right(value, 31) + half, bits)
    wide = T.cast(value, "int64")
    rounded = T.shift_right(wide + T.shift_right(wide, T.int64(63)) + T.int64(half), T.int64(bits))
    return T.cast(rounded, "int32")


def _wrap(wide: Expr) -> Expr:
    """Return an int64 expression modulo 2**32 as int32.

    Spelt out, because TVM's simplifier takes a narrowing cast for one that keeps the value.
    """
    low = T.bitwise_and(wide + T.int64(INT32_LIMIT), T.int64(2 * INT32_LIMIT - 1))
    return T.cast(low - T.int64(INT32_LIMIT), "int32")


def multiply_by_quantized_multiplier(
    value: Expr,
    multiplier: int,
    shift: int,
    bound: int = INT32_LIMIT,
    *,
    high: Callable[[Expr, int, int], Expr] = high_multiply,
) -> Expr:
    """Return ``value * multiplier / 2**31 * 2**shift`` with TFLite's two roundings.

    Parameters
    ----------
    value : Expr
        int32.
    multiplier, shift : int
        The fixed-point pair.  A left shift wraps like the reference's.
    bound : int
        No absolute value of `value` exceeds it.
    high : callable
        Emits ``SaturatingRoundingDoublingHighMul`` of a value, the multiplier and the value's bound.
    """
    if shift > 0:
        if bound << shift < INT32_LIMIT:
            value = value * (1 << shift)
            bound <<= shift
        else:
            value = _wrap(T.cast(value, "int64") * T.int64(1 << shift))
            bound = INT32_LIMIT
    product = high(value, multiplier, bound)
    return rounding_shift_right(product, max(0, -shift), ((bound * multiplier) >> 31) + 1)


def clamp(value: Expr, low: int, high: int) -> Expr:
    """Return the int8 of an int32 expression clamped to [low, high]."""
    return T.cast(T.max(T.min(value, high), low), "int8")


def clamp_shifted(value: Expr, zero_point: int, low: int, high: int) -> Expr:
    """Return the int8 of ``clamp(value + zero_point, low, high)`` for any int32 `value`."""
    return T.cast(bounded_sum(value, zero_point, low, high), "int8")


def bounded_sum(value: Expr, zero_point: int, low: int, high: int) -> Expr:
    """Return ``clamp(value + zero_point, low, high)`` as int32, for any int32 `value`.

    The clamp comes first, so that the addition cannot overflow.
    """
    return T.max(T.min(value, high - zero_point), low - zero_point) + zero_point
