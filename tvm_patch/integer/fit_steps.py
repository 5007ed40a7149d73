"""Constants for :mod:`tvm_patch.integer.step_requantize`: the search, over all channels of a layer at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.corridor import Corridor
from tvm_patch.integer.residues import first_below
from tvm_patch.integer.staircase import Int64Array, Staircase
from tvm_patch.integer.step_requantize import OWN_BITS, SLOPE_BITS, StepRequantizer, proved

_INT32 = 1 << 31
_WORD = 1 << 32
_MOST_SIGNED_SHIFT = 22
"""Up to here the constant of the signed form fits int32."""
USUAL_SHIFT = 3
"""The layers' shift, where it can be had: the code is one for all layers with the same."""
_MOST_SHIFT = 22
_MOST_RAISED = 6
_FEW = 4
"""Channels that are tried before the rest."""
_NUDGES = np.array([sign * n for n in (*range(24), *range(24, 301, 12)) for sign in ((1, -1) if n else (1,))])
"""What is added to a slope, in turn."""


def fit_steps(
    stairs: Staircase,
    bias: Int64Array,
    multiplier: Int64Array,
    shift: Int64Array,
    zero_point: int,
    *,
    twice: bool = True,
) -> StepRequantizer | None:
    """Return constants with the same steps as a staircase, or None where none were found.

    Parameters
    ----------
    stairs : Staircase
        The reference.
    bias : ndarray of int64, shape (channels,)
        The layer's, which its accumulators contain.
    multiplier, shift : ndarray of int64, shape (channels,)
        About ``multiplier * 2**(shift - 31)`` is the slope, multipliers are not negative.
    zero_point : int
        Of the output.
    twice : bool
        Whether the reference rounds twice, so that the signed form may be tried.
    """
    right = -shift
    # One less than the reference's, whose product is doubled.
    most = min(0 if stairs.idle.all() else int(right[~stairs.idle].min()) - 1, _MOST_SHIFT)
    for layers in dict.fromkeys((min(USUAL_SHIFT, most), most)):
        found = _one_sided(stairs, bias, multiplier, right, layers) if layers >= 0 else None
        if found is not None:
            return found
    return _raised(stairs, bias, multiplier, right, most) or (
        _two_sided(stairs, bias, multiplier, right, zero_point) if twice else None
    )


def _raised(
    stairs: Staircase, bias: Int64Array, multiplier: Int64Array, right: Int64Array, most: int
) -> StepRequantizer | None:
    """Return the raised form for the usual shift, as little raised as it can be; an instruction an output more."""
    raised = USUAL_SHIFT - most
    largest = int(max(np.abs(v).max(initial=0) for v in (stairs.low, stairs.high, bias)))
    if not 0 < raised <= _MOST_RAISED or largest >= 1 << (30 - _MOST_RAISED):
        return None
    return _one_sided(stairs, bias, multiplier, right, USUAL_SHIFT, raised)


def _two_sided(
    stairs: Staircase, bias: Int64Array, multiplier: Int64Array, right: Int64Array, zero_point: int
) -> StepRequantizer | None:
    idle = stairs.idle
    finest = int(right[~idle].min(initial=_MOST_SIGNED_SHIFT))
    right = np.where(idle, finest, right)
    if finest < 1 or (right > _MOST_SIGNED_SHIFT).any():
        return None
    # One is the layer's, which holds the half that rounds; the rest is the channels'.
    shift = 1
    own = np.where(idle, 0, right - shift)
    base = 2 * zero_point + 1
    bias_there = np.where(idle, (stairs.lowest - zero_point) << (shift + 1), bias)
    slope = np.where(idle, 1 << 30, multiplier)
    return proved(StepRequantizer(True, bias, bias_there, slope, own, shift, base, 0, idle), stairs)


def _one_sided(
    stairs: Staircase,
    bias: Int64Array,
    multiplier: Int64Array,
    right: Int64Array,
    shift: int,
    raised: int = 0,
) -> StepRequantizer | None:
    idle = stairs.idle
    drop = np.where(idle, 0, right - shift - 1 + raised)
    if (drop > 31).any():
        return None
    half: Int64Array = np.left_shift(np.ones_like(drop), drop) >> 1
    slope: Int64Array = (multiplier + half) >> drop
    up = max(10, shift + 2)
    chosen = np.full_like(slope, 1 << (32 + shift - up))
    there, own = stairs.lowest << up, np.zeros_like(slope)

    def try_some(channels: Int64Array, corridor: Corridor, nudges: Int64Array) -> npt.NDArray[np.bool_]:
        """Fill in the constants of channels that have some, and tell which have."""
        trial = _nudged(slope[channels], nudges[:, None])
        # What an accumulator is multiplied by.
        whole = trial << raised
        least, most = (end + bias[channels] * whole - _INT32 for end in corridor.interval(whole))
        good, found, below = _pairs(least, most, trial, whole)
        # The first nudge that does.
        pick, columns = good.argmax(axis=0), np.arange(channels.size)
        hit: npt.NDArray[np.bool_] = good[pick, columns]
        for values, tried in ((there, found), (own, below), (chosen, trial)):
            values[channels[hit]] = tried[pick, columns][hit]
        return hit

    # Where there is no form for one channel there is none for others as a rule: a few go first.
    live = np.flatnonzero(~idle)
    for some in (live[:_FEW], live[_FEW:]):
        # Most channels need no nudge.
        left = some[~try_some(some, Corridor.of(stairs, shift, some), _NUDGES[:1])]
        if left.size:
            ends = (_nudged(slope[left], nudge) << raised for nudge in (_NUDGES.min(), _NUDGES.max()))
            corridor = Corridor.of(stairs, shift, left).between(*ends)
            if not try_some(left, corridor, _NUDGES[1:]).all():
                return None
    return proved(StepRequantizer(False, bias, there, chosen, own, shift, 0, raised, idle), stairs)


def _nudged(slope: Int64Array, nudge: Int64Array | np.int64) -> Int64Array:
    """Return slopes with something added, as far as they have the bits."""
    nudged: Int64Array = np.clip(slope + nudge, 1, _INT32 - 1)
    return nudged


def _pairs(
    least: Int64Array, most: Int64Array, lender: Int64Array, m: Int64Array
) -> tuple[npt.NDArray[np.bool_], Int64Array, Int64Array]:
    """Look for ``b * m + c * 2**32`` in [least, most); return whether it was found, `b`, and the lower bits of `c`.

    The upper bits of `c` are the lowest of the lender.

    The least `b` beyond `least` lies ``(c * 2**32 - least) % m`` above it; of the lower bits of `c` the least number
    that does is taken.
    """
    fixed = (lender & ((1 << SLOPE_BITS) - 1)) << (32 + OWN_BITS)
    # Between these b has the bits that it may have; it falls as c rises.
    most_bias = 1 << (31 - OWN_BITS)
    begin = np.maximum(-((fixed - least + (most_bias - 1) * m) // _WORD), 0)
    end = np.minimum(-((fixed - least - (most_bias + 1) * m) // _WORD), 1 << OWN_BITS)
    width = most - least
    count = np.where(width > 0, end - begin, 0)
    start = (fixed + begin * _WORD - least) % m
    ahead = first_below(*(v.reshape(-1) for v in (start, _WORD % m, m, np.maximum(width, 1), count)))
    own = begin + ahead.reshape(m.shape)
    bias = -((fixed + own * _WORD - least) // m)
    return ahead.reshape(m.shape) >= 0, bias, own
