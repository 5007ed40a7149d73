"""A rescaling to int8 as a staircase: the accumulators at which its value changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.requantize import multiply_exact

Int64Array = npt.NDArray[np.int64]

_INT32 = 1 << 31
_FAR = 1 << 40
"""An accumulator beyond all others."""


@dataclass(frozen=True)
class Staircase:
    """The reference, as the accumulators at which its value changes.

    Attributes
    ----------
    low, high : ndarray of int64, shape (channels,)
        Least and greatest accumulator.
    least : int
        The least value.
    levels : ndarray of int64, shape (levels,)
        The values above it, ascending.
    first : ndarray of int64, shape (levels, channels)
        The least accumulator whose value is at least that level; beyond `high` where there is none.
    """

    low: Int64Array
    high: Int64Array
    least: int
    levels: Int64Array
    first: Int64Array

    @property
    def idle(self) -> npt.NDArray[np.bool_]:
        """Channels whose value never changes."""
        never = (self.first <= self.low) | (self.first > self.high)
        return np.asarray(never.all(axis=0))

    @property
    def lowest(self) -> Int64Array:
        """Value at the least accumulator."""
        value: Int64Array = self.least + (self.first <= self.low).sum(axis=0)
        return value

    def only(self, channels: Int64Array) -> Staircase:
        """Return that of some of the channels."""
        return replace(self, low=self.low[channels], high=self.high[channels], first=self.first[:, channels])

    def has_steps_of(self, rising: Callable[[Int64Array], Int64Array]) -> bool:
        """Compare both sides of every step with a function of accumulators, channels last, that rises only."""
        at = np.clip(self.first, self.low, self.high)
        before = np.clip(self.first - 1, self.low, self.high)
        level = self.levels[:, None]
        reached = np.where(self.first <= self.high, rising(at) >= level, True)
        not_yet = np.where(self.first > self.low, rising(before) < level, True)
        return bool((reached & not_yet).all())


def staircase_of_pairs(
    multiplier: Int64Array,
    shift: Int64Array,
    zero_point: int,
    act: tuple[int, int],
    low: Int64Array,
    high: Int64Array,
) -> Staircase | None:
    """Return the staircase of TFLite's two roundings (``MultiplyByQuantizedMultiplier``).

    Parameters
    ----------
    multiplier, shift : ndarray of int64, shape (channels,)
        TFLite's pairs.
    zero_point : int
        Of the output.
    act : tuple of int
        Least and greatest output.
    low, high : ndarray of int64, shape (channels,)
        Bounds of the accumulators.

    Returns
    -------
    Staircase or None
        None where a multiplier is negative or a shift to the left leaves int32.
    """
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    widest = np.maximum(np.abs(low), np.abs(high)) << np.minimum(left, 31)
    if (multiplier < 0).any() or ((left > 0) & (widest >= _INT32)).any():
        return None
    levels = np.arange(act[0] + 1, act[1] + 1, dtype=np.int64)
    above = (levels - zero_point)[:, None]
    half = (np.int64(1) << right) >> 1
    # Halves go away from zero: at or below zero the half itself still belongs to the level below.
    least = (above << right) - half + ((above <= 0) & (right > 0))
    least = np.clip(least, -_INT32, _INT32)
    safe = np.maximum(multiplier, 1) << left
    first = -((-((least << 31) - (1 << 30))) // safe)
    never = np.where(above <= 0, -_FAR, _FAR)
    return Staircase(low, high, act[0], levels, np.where(multiplier == 0, never, first))


def staircase_of_doubles(
    multiplier: Int64Array,
    shift: Int64Array,
    zero_point: int,
    act: tuple[int, int],
    low: Int64Array,
    high: Int64Array,
) -> Staircase | None:
    """Return the staircase of one exact rounding (:func:`tvm_patch.integer.requantize.multiply_exact`).

    Parameters and result as for :func:`staircase_of_pairs`; multipliers have 53 bits.
    """
    if (multiplier < 0).any():
        return None
    levels = np.arange(act[0] + 1, act[1] + 1, dtype=np.int64)
    above = (levels - zero_point)[:, None]
    real = multiplier * 2.0 ** (shift.astype(np.float64) - 53)
    middle = np.floor((above - 0.5) / np.where(real == 0, 1.0, real))
    # The double says where a step is within one accumulator; the specification says where exactly.
    near = np.clip(middle, -_INT32, _INT32 - 1).astype(np.int64)
    first = near + 3
    for offset in (2, 1, 0, -1):
        value = multiply_exact(np.clip(near + offset, -_INT32, _INT32 - 1), multiplier, shift)
        first = np.where(value >= above, near + offset, first)
    return Staircase(
        low, high, act[0], levels, np.where(multiplier == 0, np.where(above <= 0, -_FAR, _FAR), first)
    )
