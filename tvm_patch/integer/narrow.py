"""31-bit multipliers that do exactly what 53-bit ones do, found and proven at compile time.

BUILTIN_REF rescales FULLY_CONNECTED with doubles (see :func:`tvm_patch.integer.requantize.multiply_exact`), which
a microcontroller would have to do in 84 bits.  But an accumulator is a bounded integer and the result is one of 256
values: two rescalings agree everywhere when each of the 255 steps from one value to the next happens at the same
accumulator, because both never decrease.  So a fixed-point pair is tried and every step compared.

TFLite's own pair rounds twice, which shows at this resolution.  Shifting the accumulator left first, as far as its
bounds allow, makes the first rounding too fine to matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.requantize import (
    multiply_exact,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)

_TRIES = (0, -1, 1, -2, 2)
_ACCUMULATOR_LIMIT = 1 << 30
"""Shifted accumulators stay below this, as the seven-instruction form wants."""

_LARGEST_RIGHT_SHIFT = 22
"""With it an int8 result and its zero point still fit above the rounding bits of a word."""


@dataclass(frozen=True)
class NarrowRescaling:
    """``rounding_divide_by_pot(saturating_rounding_doubling_high_mul(acc << left, multiplier), right)``.

    Attributes
    ----------
    left : int
        The same for all channels.
    multiplier, right : ndarray of int32, shape (channels,)
        Q31 mantissas and right shifts of at least 1.
    """

    left: int
    multiplier: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]

    def apply(self, acc: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the rescaled accumulators, shape (..., channels)."""
        shifted = np.asarray(acc, np.int64) << self.left
        return rounding_divide_by_pot(
            saturating_rounding_doubling_high_mul(shifted, self.multiplier), self.right
        )


def _first_reaching(step: int, multiplier: int, shift: int) -> int:
    """Return the least accumulator whose exact rescaling rounds to at least `step`."""
    # acc * multiplier * 2**(shift - 53) >= step - 1/2; on the half, positive values round up, negative ones down.
    numerator = (2 * step - 1) << max(0, 52 - shift)
    denominator = multiplier << max(0, shift - 52)
    if step > 0:
        return -((-numerator) // denominator)
    return numerator // denominator + 1


def _narrow_pair(
    multiplier: int, shift: int, left: int, bounds: tuple[int, int], steps: tuple[int, int]
) -> tuple[int, int] | None:
    """Find mantissa and right shift that equal an exact rescaling within `bounds`, or None."""
    right = left - shift
    if multiplier == 0:
        return 0, 1
    if not 1 <= right <= _LARGEST_RIGHT_SHIFT:
        return None
    low, high = bounds
    edges = [_first_reaching(k, multiplier, shift) for k in range(steps[0] + 1, steps[1] + 1)]
    probes = {low, high} | {a for e in edges for a in (e - 1, e) if low <= a <= high}
    accumulators = np.array(sorted(probes), np.int64)
    wanted = np.clip(multiply_exact(accumulators, multiplier, shift), *steps)
    middle = (multiplier + (1 << 21)) >> 22
    for change in _TRIES:
        mantissa = min(middle + change, (1 << 31) - 1)
        high_part = saturating_rounding_doubling_high_mul(accumulators << left, mantissa)
        if np.array_equal(np.clip(rounding_divide_by_pot(high_part, right), *steps), wanted):
            return mantissa, right
    return None


def narrow_rescaling(
    multipliers: npt.ArrayLike,
    shifts: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    steps: tuple[int, int],
) -> NarrowRescaling | None:
    """Find a 31-bit rescaling that equals the exact one on every accumulator that can occur.

    Parameters
    ----------
    multipliers, shifts : array, shape (channels,)
        From :func:`tvm_patch.integer.requantize.fully_connected_multipliers`.
    low, high : array, shape (channels,)
        Bounds of the accumulators.
    steps : tuple of int
        Least and greatest result before the zero point is added; beyond them results are clamped.

    Returns
    -------
    NarrowRescaling or None
        None when a channel has no equal pair among those tried.
    """
    wide, wide_shift = np.asarray(multipliers, np.int64), np.asarray(shifts, np.int64)
    lows, highs = np.asarray(low, np.int64), np.asarray(high, np.int64)
    largest = max(1, int(np.abs(lows).max()), int(np.abs(highs).max()))
    live = wide_shift[wide != 0]
    room = _LARGEST_RIGHT_SHIFT + (int(live.min()) if live.size else 0)
    left = min(room, (_ACCUMULATOR_LIMIT - 1).bit_length() - largest.bit_length())
    if left < 0:
        return None
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for pair in sorted({(int(m), int(s)) for m, s in zip(wide, wide_shift, strict=True)}):
        same = (wide == pair[0]) & (wide_shift == pair[1])
        narrow = _narrow_pair(*pair, left, (int(lows[same].min()), int(highs[same].max())), steps)
        if narrow is None:
            return None
        found[pair] = narrow
    chosen = [found[int(m), int(s)] for m, s in zip(wide, wide_shift, strict=True)]
    return NarrowRescaling(
        left, np.array([m for m, _ in chosen], np.int32), np.array([s for _, s in chosen], np.int32)
    )
