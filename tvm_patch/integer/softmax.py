"""gemmlowp's fixed-point exponential and reciprocal, which TFLite's SOFTMAX is made of.

Formats: differences Q5.26, exponentials Q0.31, their sum Q12.19.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.requantize import INT32_MAX, INT32_MIN, rounding_divide_by_pot
from tvm_patch.integer.requantize import saturating_rounding_doubling_high_mul as high_mul

Int64Array = npt.NDArray[np.int64]

ACCUMULATION_INTEGER_BITS = 12
"""Integer bits of the sum of exponentials; the exponentials have none."""

EXP_MINUS_EIGHTH = 1895147668
"""exp(-1/8) in Q0.31."""

ONE_THIRD = 715827883
"""1/3 in Q0.31."""

EXP_POWERS = (
    (24, 1672461947),
    (25, 1302514674),
    (26, 790015084),
    (27, 290630308),
    (28, 39332535),
    (29, 720401),
    (30, 242),
)
"""(bit of the Q5.26 difference, exp(-2**(bit - 26)) in Q0.31)."""

_DIVISION_48_OVER_17 = 1515870810
_DIVISION_MINUS_32_OVER_17 = -1010580540


def exp_on_negative_values(a: Int64Array) -> Int64Array:
    """Return exp(a) in Q0.31 for `a` <= 0 in Q5.26 (gemmlowp ``exp_on_negative_values``)."""
    quarter = 1 << 24
    fraction = (a & (quarter - 1)) - quarter
    remainder = fraction - a
    # exp on [-1/4, 0): Taylor around -1/8 of the fraction in Q0.31.
    x = (fraction << 5) + (1 << 28)
    x2 = high_mul(x, x)
    x3 = high_mul(x2, x)
    x4_over_4 = rounding_divide_by_pot(high_mul(x2, x2), 2)
    tail = rounding_divide_by_pot(high_mul(x4_over_4 + x3, ONE_THIRD) + x2, 1)
    result = EXP_MINUS_EIGHTH + high_mul(EXP_MINUS_EIGHTH, x + tail)
    for bit, power in EXP_POWERS:
        result = np.where(remainder & (1 << bit), high_mul(result, power), result)
    return np.where(a == 0, INT32_MAX, result)


def reciprocal(x: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return 1 / x for positive `x` in Q12.19 (TFLite ``GetReciprocal``).

    Returns
    -------
    scale : ndarray
        Q0.31, ``1 / (x / 2**bits_over_unit)`` with the denominator normalized to [1, 2).
    bits_over_unit : ndarray
        Bits of `x` above the binary point, minus one.
    """
    bits = np.frexp(x.astype(np.float64))[1].astype(np.int64)
    headroom = 32 - bits
    # The leading one dropped: the fraction of the normalized value in Q0.31.
    fraction = (x << headroom) - (1 << 31)
    return _one_over_one_plus(fraction), ACCUMULATION_INTEGER_BITS - headroom


def _one_over_one_plus(a: Int64Array) -> Int64Array:
    """Return 1 / (1 + a) for a in [0, 1), Q0.31: Newton-Raphson on the halved denominator, in Q2.29."""
    # gemmlowp RoundingHalfSum of a and 1.
    total = a + INT32_MAX
    half_denominator = np.where(total >= 0, (total + 1) // 2, total // 2)
    x = _DIVISION_48_OVER_17 + high_mul(half_denominator, _DIVISION_MINUS_32_OVER_17)
    for _ in range(3):
        half_denominator_times_x = high_mul(half_denominator, x)
        one_minus = (1 << 29) - half_denominator_times_x
        x = x + _saturating_shift_left(high_mul(x, one_minus), 2)
    return _saturating_shift_left(x, 1)


def _saturating_shift_left(x: Int64Array, bits: int) -> Int64Array:
    saturated: Int64Array = np.clip(x << bits, INT32_MIN, INT32_MAX)
    return saturated
