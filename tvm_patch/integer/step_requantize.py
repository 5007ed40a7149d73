"""Rescaling accumulators to int8 in two instructions, proved equal to the reference step by step.

For one output channel the reference is a staircase: the accumulator goes in, one of at most 256 values comes out, and
it only ever rises.  Any other staircase whose steps lie at the same accumulators is therefore equal to it, whatever
arithmetic it is made of.  Here it is, in Arm's terms,

    SMMLAR  h, acc, m, c        h = c + (acc * m + 2**31 >> 32)
    SSAT    out, #8, h, ASR #s

with one shift for the whole layer, where the reference rounds twice and shifts by channel.  The steps say which
constants are possible: ``b * m + c * 2**32 + 2**31`` must lie in an interval, where `b` stands for the layer's bias and
holds rounding and zero point too.  Multiples of `m` alone rarely fall into it; `c` brings in the fraction.

Where outputs below and above the zero point both occur, halves are rounded away from zero on both sides, which one
straight line cannot do.  The *signed* form doubles the accumulator first, adds its sign to `c` and shifts by channel:
the reference's own roundings, three instructions more.

Either way a channel needs two words: `m`, and `b` with ten bits below it (or eight, a shift).  The ten are the lower
bits of `c`; its upper four are the lowest of `m`, which has bits to spare: most slopes may be a little off, and each
brings other values of `c`.  Where channels' scales differ so much that one of them finds no constants, the layer takes
the signed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.requantize import multiply_exact

Int64Array = npt.NDArray[np.int64]

_INT32 = 1 << 31
_WORD = 1 << 32
_FAR = 1 << 40
"""An accumulator beyond all others."""
_NONE = 1 << 62
_MOST_SIGNED_SHIFT = 22
"""Up to here the constant of the signed form fits int32."""
OWN_BITS = 10
"""Bits below the bias."""
SHIFT_BITS = 8
"""The same in the signed form, whose shifts by register read a byte."""
SLOPE_BITS = 4
"""Bits that the multiplier lends to the constant."""
USUAL_SHIFT = 3
"""The layers' shift, where it can be had: the code is one for all layers with the same."""
_MOST_SHIFT = 22
_OWN = np.arange(1 << OWN_BITS, dtype=np.int64)
_NUDGES = tuple(sign * n for n in (*range(24), *range(24, 301, 12)) for sign in {1, -1 if n else 1})
"""What is added to a slope, in turn."""
_AT_ONCE = 64


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


@dataclass(frozen=True)
class StepRequantizer:
    """Constants of the two instructions.

    Attributes
    ----------
    signed : bool
        Whether the accumulator is doubled, its sign added to the constant, and channels shift by themselves.
    replaced : ndarray of int64, shape (channels,)
        The layer's bias.
    bias : ndarray of int64, shape (channels,)
        `b`, which stands in its place; 22 bits, or 24 in the signed form.
    multiplier : ndarray of int64, shape (channels,)
        `m`, at least 0, fits int32.
    own : ndarray of int64, shape (channels,)
        What is below the bias: the lower bits of `c`; in the signed form the channel's own shift, before the layer's.
    shift : int
        The layer's, 0 to 31.
    base : int
        In the signed form the constant, to be shifted to the left by `own`; 0 otherwise.
    idle : ndarray of bool, shape (channels,)
        Channels whose value never changes: their weights must be made zero.
    """

    signed: bool
    replaced: Int64Array
    bias: Int64Array
    multiplier: Int64Array
    own: Int64Array
    shift: int
    base: int
    idle: npt.NDArray[np.bool_]

    @property
    def own_bits(self) -> int:
        """Bits of the word below the bias."""
        return SHIFT_BITS if self.signed else OWN_BITS

    @property
    def word(self) -> Int64Array:
        """Bias and what is below it."""
        return self.bias << self.own_bits | self.own

    @property
    def constant(self) -> Int64Array:
        """`c`."""
        if self.signed:
            return self.base << self.own
        return self.own | (self.multiplier & ((1 << SLOPE_BITS) - 1)) << OWN_BITS

    def total(self, acc: Int64Array) -> Int64Array:
        """Return what accumulators of the layer become with the other bias."""
        return np.where(self.idle, self.bias, acc - self.replaced + self.bias)

    def apply(self, acc: Int64Array) -> Int64Array:
        """Return what the instructions make of the layer's accumulators, channels last, saturated to int8."""
        acc = self.total(acc)
        if self.signed:
            high = self.constant + (acc >> 31) + ((2 * acc * self.multiplier + _INT32) >> 32)
            scaled = high >> self.own >> self.shift
        else:
            scaled = self.constant + ((acc * self.multiplier + _INT32) >> 32) >> self.shift
        clamped: Int64Array = np.clip(scaled, -128, 127)
        return clamped


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
        None where a multiplier is negative or a shift goes left.
    """
    if (multiplier < 0).any() or (shift > 0).any():
        return None
    right = -shift
    levels = np.arange(act[0] + 1, act[1] + 1, dtype=np.int64)
    above = (levels - zero_point)[:, None]
    half = (np.int64(1) << right) >> 1
    # Halves go away from zero: at or below zero the half itself still belongs to the level below.
    least = (above << right) - half + ((above <= 0) & (right > 0))
    least = np.clip(least, -_INT32, _INT32)
    safe = np.maximum(multiplier, 1)
    first = -((-((least << 31) - (1 << 30))) // safe)
    never = np.where(above <= 0, -_FAR, _FAR)
    return Staircase(low, high, act[0], levels, np.where(multiplier == 0, never, first))


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
        About ``multiplier * 2**(shift - 31)`` is the slope; multipliers are not negative.
    zero_point : int
        Of the output.
    twice : bool
        Whether the reference rounds twice, so that the signed form may be tried.
    """
    found = _one_sided(stairs, bias, multiplier, -shift, USUAL_SHIFT)
    if found is None:
        found = _one_sided(stairs, bias, multiplier, -shift, _MOST_SHIFT)
    return _two_sided(stairs, bias, multiplier, -shift, zero_point) if found is None and twice else found


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
    return _proved(StepRequantizer(True, bias, bias_there, slope, own, shift, base, idle), stairs)


def _one_sided(
    stairs: Staircase, bias: Int64Array, multiplier: Int64Array, right: Int64Array, most_shift: int
) -> StepRequantizer | None:
    idle = stairs.idle
    finest = 1 if idle.all() else int(right[~idle].min())
    # One less than the reference's, whose product is doubled.
    shift = min(finest - 1, most_shift)
    if not 0 <= shift <= _MOST_SHIFT:
        return None
    drop = np.where(idle, 0, right - shift - 1)
    if (drop > 31).any():
        return None
    half: Int64Array = np.left_shift(np.ones_like(drop), drop) >> 1
    slope: Int64Array = (multiplier + half) >> drop
    up = max(10, shift + 2)
    chosen = np.full_like(slope, 1 << (32 + shift - up))
    there, own = stairs.lowest << up, np.zeros_like(slope)
    left = ~idle
    possible = _feasible(stairs, slope, shift, left)
    if (left & ~possible.any(axis=0)).any():
        return None
    for nudge, feasible in zip(_NUDGES, possible, strict=True):
        open_channels = np.flatnonzero(left & feasible)
        for at in range(0, open_channels.size, _AT_ONCE):
            some = open_channels[at : at + _AT_ONCE]
            trial = np.clip(slope[some] + nudge, 1, _INT32 - 1)
            least, most = _interval(stairs, trial, shift, some) + bias[some] * trial - _INT32
            good, found, below = _pairs(least, most, trial)
            hit = some[good]
            there[hit], own[hit], chosen[hit] = found[good], below[good], trial[good]
            left[hit] = False
    if left.any():
        return None
    return _proved(StepRequantizer(False, bias, there, chosen, own, shift, 0, idle), stairs)


def _feasible(
    stairs: Staircase, slope: Int64Array, shift: int, wanted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Tell for every nudge and every wanted channel whether any constant would do, whatever its size."""
    some = np.flatnonzero(wanted)
    out = np.zeros((len(_NUDGES), slope.size), bool)
    for i, nudge in enumerate(_NUDGES):
        least, most = _interval(stairs, np.clip(slope[some] + nudge, 1, _INT32 - 1), shift, some)
        out[i, some] = least < most
    return out


def _interval(stairs: Staircase, m: Int64Array, shift: int, some: Int64Array) -> Int64Array:
    """Return for some channels with slopes `m` the interval [least, most) of the constant added to ``acc * m``."""
    low, high, first = stairs.low[some], stairs.high[some], stairs.first[:, some]
    level = stairs.levels[:, None] << (32 + shift)
    at, before = np.maximum(first, low), np.minimum(first - 1, high)
    at_least = np.where(first <= high, level - np.minimum(at, high) * m, -_NONE)
    less_than = np.where(first > low, level - np.maximum(before, low) * m, _NONE)
    return np.stack([at_least.max(axis=0, initial=-_NONE), less_than.min(axis=0, initial=_NONE)])


def _pairs(
    least: Int64Array, most: Int64Array, m: Int64Array
) -> tuple[npt.NDArray[np.bool_], Int64Array, Int64Array]:
    """Look for ``b * m + c * 2**32`` in [least, most); return whether it was found, `b`, and the lower bits of `c`."""
    fixed = ((m & ((1 << SLOPE_BITS) - 1)) << (32 + OWN_BITS))[:, None] + _OWN * _WORD
    bias = -((fixed - least[:, None]) // m[:, None])
    fits = bias * m[:, None] + fixed < most[:, None]
    fits &= (bias >= -(1 << (31 - OWN_BITS))) & (bias < 1 << (31 - OWN_BITS))
    pick, rows = fits.argmax(axis=1), np.arange(len(m))
    return fits[rows, pick], bias[rows, pick], _OWN[pick]


def _proved(made: StepRequantizer, stairs: Staircase) -> StepRequantizer | None:
    """Return constants if no step of the arithmetic leaves int32 and the steps are the reference's, else None."""
    ends = made.total(np.stack([stairs.low, stairs.high]))
    limit = _INT32 >> int(made.signed)
    product = np.abs((ends << int(made.signed)) * made.multiplier >> 32) + 2
    fits = (
        (np.abs(ends) < limit).all()
        and (np.abs(made.constant) + product < _INT32).all()
        and (made.bias >= -(1 << (31 - made.own_bits))).all()
        and (made.bias < 1 << (31 - made.own_bits)).all()
    )
    return made if fits and _same(made, stairs) else None


def _same(made: StepRequantizer, stairs: Staircase) -> bool:
    """Compare both sides of every step; both functions rise only."""
    at = np.clip(stairs.first, stairs.low, stairs.high)
    before = np.clip(stairs.first - 1, stairs.low, stairs.high)
    level = stairs.levels[:, None]
    reached = np.where(stairs.first <= stairs.high, made.apply(at) >= level, True)
    not_yet = np.where(stairs.first > stairs.low, made.apply(before) < level, True)
    return bool((reached & not_yet).all())


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
