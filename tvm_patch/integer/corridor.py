"""The straight lines that have the steps of a staircase, by their slope.

A line ``acc * m + c`` has the steps if it has reached every level at the first accumulator of that level and not yet
at the accumulator before.  For one `m` that leaves an interval of `c`: its ends are the greatest and the least of a few
hundred numbers, each linear in `m`.  Slopes that are tried lie so close together that nearly all of these numbers
lie beside the end for all of them; they are left out once, before slopes are tried.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.staircase import Int64Array, Staircase

_NONE = 1 << 62


class _Upper(NamedTuple):
    """The greatest of some linear functions, ``constant + slope * m``; arrays of shape (functions, channels)."""

    constant: Int64Array
    slope: Int64Array

    def at(self, m: Int64Array) -> Int64Array:
        """Return the greatest for slopes `m` of shape (slopes, channels); at least ``-2**62``."""
        if len(m) == 1:
            one: Int64Array = (self.constant + self.slope * m).max(axis=0, initial=-_NONE, keepdims=True)
            return one
        greatest = np.full(m.shape, -_NONE)
        for constant, slope in zip(self.constant, self.slope, strict=True):
            np.maximum(greatest, constant + slope * m, out=greatest)
        return greatest

    def between(self, least: Int64Array, most: Int64Array) -> _Upper:
        """Keep the functions that may be the greatest for some `m` of [least, most]."""
        ends = [self.constant + self.slope * m for m in (least, most)]
        tops = [v.argmax(axis=0) for v in ends]
        columns = np.arange(least.size)
        # What is below another one at both ends is below it between them.
        above = (ends[1] > ends[1][tops[0], columns]) & (ends[0] > ends[0][tops[1], columns])
        channel, function = np.nonzero(above.T)
        # What is above both of the greatest at the ends is so where these two cross.
        outer = [_Upper(self.constant[top, columns], self.slope[top, columns]) for top in tops]
        steeper = outer[1].slope - outer[0].slope
        cross = ((outer[0].constant - outer[1].constant) // np.maximum(steeper, 1))[channel]
        constant, slope = self.constant[function, channel], self.slope[function, channel]
        at_peak = [
            constant + slope * m > np.maximum(*(o.constant[channel] + o.slope[channel] * m for o in outer))
            for m in (cross, cross + 1)
        ]
        above[function, channel] = at_peak[0] | at_peak[1]
        for top in tops:
            above[top, columns] = True
        return self._keeping(above)

    def _keeping(self, kept: npt.NDArray[np.bool_]) -> _Upper:
        """Move the functions of every channel that are kept to the beginning."""
        channel, function = np.nonzero(kept.T)
        counts = kept.sum(axis=0)
        row = np.arange(channel.size) - np.repeat(np.cumsum(counts) - counts, counts)
        shape = (int(counts.max(initial=0)), counts.size)
        fewer = _Upper(np.full(shape, -_NONE), np.zeros(shape, np.int64))
        fewer.constant[row, channel] = self.constant[function, channel]
        fewer.slope[row, channel] = self.slope[function, channel]
        return fewer


class Corridor(NamedTuple):
    """Intervals of the constant by slope, for some channels."""

    reached: _Upper
    not_yet: _Upper

    @classmethod
    def of(cls, stairs: Staircase, shift: int, channels: Int64Array) -> Corridor:
        """Make it for some channels of a staircase whose levels are ``2**(32 + shift)`` apart, `shift` from 0 to 22."""
        low, high, first = stairs.low[channels], stairs.high[channels], stairs.first[:, channels]
        level = stairs.levels[:, None] << (32 + shift)
        occurs, begins = first <= high, first > low
        at, before = np.maximum(first, low), np.minimum(first - 1, high)
        return cls(
            _Upper(np.where(occurs, level, -_NONE), np.where(occurs, -at, 0)),
            _Upper(np.where(begins, -level, -_NONE), np.where(begins, before, 0)),
        )

    def only(self, channels: npt.NDArray[np.bool_]) -> Corridor:
        """Return that of some of the channels."""
        return Corridor(*(_Upper(*(v[:, channels] for v in f)) for f in self))

    def between(self, least: Int64Array, most: Int64Array) -> Corridor:
        """Return what is the same for slopes of [least, most] of shape (channels,), and much faster."""
        return Corridor(*(f.between(least, most) for f in self))

    def interval(self, m: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return [least, most) of the constant for slopes `m`, channels last.

        Slopes are at least 0, and with any accumulator make less than ``2**62``.
        """
        return self.reached.at(m), -self.not_yet.at(m)
