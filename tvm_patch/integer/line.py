"""Rescaling sums that are kept times 256: a straight line, which needs no constant beside its slope.

Such a sum may begin at any number, so that the line's offset comes in steps of a 256th of the accumulator's.  That is
fine enough for the bias to hold rounding and zero point alone:

    SMMULR  h, sum, m           h = sum * m + 2**31 >> 32
    SSAT    out, #8, h, ASR #s

has the steps of the reference (:mod:`tvm_patch.integer.step_requantize`) where a slope `m` near its own leaves a
multiple of `m` in the interval of offsets (:mod:`tvm_patch.integer.corridor`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.corridor import Corridor
from tvm_patch.integer.fit_steps import USUAL_SHIFT
from tvm_patch.integer.staircase import Int64Array, Staircase

SCALE_BITS = 8
"""How far sums are shifted to the left."""
_INT32 = 1 << 31
_MOST_SHIFT = 21
"""Up to here the offset of a channel whose value never changes fits int32."""
_MOST_REACH = 1 << 22
"""Of accumulators and biases: the search stays within int64."""
_NUDGES = np.array([0, *(s * k << e for e in range(0, 12, 2) for k in (1, 2, 3) for s in (1, -1))])
"""What is added to a slope, in turn."""


@dataclass(frozen=True)
class LineRequantizer:
    """Constants of the two instructions.

    Attributes
    ----------
    replaced : ndarray of int64, shape (channels,)
        The layer's bias.
    begin : ndarray of int64, shape (channels,)
        Where a sum begins, which stands in its place.
    multiplier : ndarray of int64, shape (channels,)
        `m`, at least 1, fits int32.
    shift : int
        The layer's, 0 to 21.
    idle : ndarray of bool, shape (channels,)
        Channels whose value never changes: their weights must be made zero.
    """

    replaced: Int64Array
    begin: Int64Array
    multiplier: Int64Array
    shift: int
    idle: npt.NDArray[np.bool_]

    def sums(self, acc: Int64Array) -> Int64Array:
        """Return the sums that stand for the layer's accumulators, channels last."""
        return np.where(self.idle, 0, acc - self.replaced << SCALE_BITS) + self.begin

    def apply(self, acc: Int64Array) -> Int64Array:
        """Return what the instructions make of the layer's accumulators, channels last, saturated to int8."""
        high = self.sums(acc) * self.multiplier + _INT32 >> 32
        clamped: Int64Array = np.clip(high >> self.shift, -128, 127)
        return clamped


def fit_line(
    stairs: Staircase, bias: Int64Array, multiplier: Int64Array, shift: Int64Array
) -> LineRequantizer | None:
    """Return constants with the same steps as a staircase, or None where none were found.

    Parameters as of :func:`tvm_patch.integer.fit_steps.fit_steps`.
    """
    right, live = -shift, ~stairs.idle
    if any(np.abs(v[live]).max(initial=0) >= _MOST_REACH for v in (stairs.low, stairs.high, bias)):
        return None
    finest = int(right[live].min(initial=_MOST_SHIFT))
    most = min(finest - 1 + SCALE_BITS, _MOST_SHIFT)
    # Layers with the same shift share their code; the greatest leaves slopes the most bits.
    for layers in dict.fromkeys((min(USUAL_SHIFT + SCALE_BITS, most), most)):
        found = _fit(stairs, bias, multiplier, right, layers) if layers >= 0 else None
        if found is not None:
            return found
    return None


def _fit(
    stairs: Staircase, bias: Int64Array, multiplier: Int64Array, right: Int64Array, shift: int
) -> LineRequantizer | None:
    idle = stairs.idle
    drop = np.where(idle, 0, right - shift - 1 + SCALE_BITS)
    if (drop > 31).any():
        return None
    half: Int64Array = np.left_shift(np.ones_like(drop), drop) >> 1
    slope: Int64Array = np.clip((multiplier + half) >> drop, 1, _INT32 - 1)
    # Of idle channels begin * m is their value, in the middle of its step.
    chosen, begin = np.full_like(slope, 1 << 30), stairs.lowest << (shift + 2)
    left = np.flatnonzero(~idle)
    corridor = Corridor.of(stairs, shift, left)
    for nudges in (_NUDGES[:1], _NUDGES[1:]):
        trial: Int64Array = np.clip(slope[left] + nudges[:, None], 1, _INT32 - 1)
        whole = trial << SCALE_BITS
        least, most = (end + bias[left] * whole - _INT32 for end in corridor.interval(whole))
        found = -(-least // trial)
        good = found * trial < most
        pick, columns = good.argmax(axis=0), np.arange(left.size)
        hit = good[pick, columns]
        for values, tried in ((begin, found), (chosen, trial)):
            values[left[hit]] = tried[pick, columns][hit]
        left, corridor = left[~hit], corridor.only(~hit)
        if not left.size:
            return _proved(LineRequantizer(bias, begin, chosen, shift, idle), stairs)
    return None


def _proved(made: LineRequantizer, stairs: Staircase) -> LineRequantizer | None:
    """Return constants if no sum leaves int32 at its end and the steps are the reference's, else None."""
    ends = made.sums(np.stack([stairs.low, stairs.high]))
    fits = (ends >= -_INT32).all() and (ends < _INT32).all() and (np.abs(made.begin) < _INT32).all()
    return made if fits and stairs.has_steps_of(made.apply) else None
