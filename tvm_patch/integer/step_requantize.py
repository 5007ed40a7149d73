"""Rescaling accumulators to int8 in two instructions, proved equal to the reference step by step.

For one output channel the reference is a staircase: the accumulator goes in, one of at most 256 values comes out, and
it only ever rises.  Any other staircase whose steps lie at the same accumulators is therefore equal to it, whatever
arithmetic it is made of.  Here it is, in Arm's terms,

    SMMLAR  h, acc, m, c        h = c + (acc * m + 2**31 >> 32)
    SSAT    out, #8, h, ASR #s

with one shift for the whole layer, where the reference rounds twice and shifts by channel.  The steps say which
constants are possible: ``C = c * 2**32 + 2**31 + delta * m`` must lie in an interval, where `delta`, a small number
added to the bias, brings in the fraction that `c` cannot express.

Where outputs below and above the zero point both occur, halves are rounded away from zero on both sides, which one
straight line cannot do.  The *signed* form doubles the accumulator first, adds its sign to `c` and shifts by channel:
the reference's own roundings, three instructions more.
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
_MOST_SIGNED_SHIFT = 15
"""Up to here `constant` fits 24 bits, and with `extra` one word."""
_DELTAS = np.concatenate([[0], *([d, -d] for d in range(1, 64))]).astype(np.int64)
_AT_ONCE = 64


@dataclass(frozen=True)
class Staircase:
    """The reference, as the accumulators at which its value changes.

    Attributes
    ----------
    low, high : ndarray of int64, shape (channels,)
        Least and greatest accumulator.
    levels : ndarray of int64, shape (levels,)
        The values above the least one, ascending.
    first : ndarray of int64, shape (levels, channels)
        The least accumulator whose value is at least that level; beyond `high` where there is none.
    """

    low: Int64Array
    high: Int64Array
    levels: Int64Array
    first: Int64Array


@dataclass(frozen=True)
class StepRequantizer:
    """Constants of the two instructions.

    Attributes
    ----------
    signed : bool
        Whether the accumulator is doubled, its sign added to `constant` and `extra` used.
    delta : ndarray of int64, shape (channels,)
        To be added to the bias.
    multiplier, constant : ndarray of int64, shape (channels,)
        `m` and `c`; both fit int32.
    shift : int
        `s`, 0 to 31.
    extra : ndarray of int64, shape (channels,)
        Shift to the right before that; 0 unless `signed`.
    """

    signed: bool
    delta: Int64Array
    multiplier: Int64Array
    constant: Int64Array
    shift: int
    extra: Int64Array

    def apply(self, acc: Int64Array) -> Int64Array:
        """Return what the instructions make of accumulators, channels last, saturated to int8."""
        acc = acc + self.delta
        constant = self.constant + ((acc >> 31) if self.signed else 0)
        h = constant + (((acc << int(self.signed)) * self.multiplier + _INT32) >> 32)
        return np.clip(h >> self.extra >> self.shift, -128, 127)


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
    return Staircase(low, high, levels, np.where(multiplier == 0, never, first))


def fit_steps(
    stairs: Staircase, multiplier: Int64Array, shift: Int64Array, zero_point: int, *, twice: bool = True
) -> StepRequantizer | None:
    """Return constants with the same steps as a staircase, or None where none were found.

    Parameters
    ----------
    stairs : Staircase
        The reference.
    multiplier, shift : ndarray of int64, shape (channels,)
        About ``multiplier * 2**(shift - 31)`` is the slope; multipliers are not negative.
    zero_point : int
        Of the output.
    twice : bool
        Whether the reference rounds twice, so that the signed form may be tried.
    """
    found = _one_sided(stairs, multiplier, -shift)
    return _two_sided(stairs, multiplier, -shift, zero_point) if found is None and twice else found


def _two_sided(
    stairs: Staircase, multiplier: Int64Array, right: Int64Array, zero_point: int
) -> StepRequantizer | None:
    right = np.where(multiplier == 0, right[multiplier > 0].min(initial=1), right)
    if (right < 1).any() or (right > _MOST_SIGNED_SHIFT).any():
        return None
    constant = (np.int64(2 * zero_point + 1) << right) >> 1
    shift = int(right.min()) & ~1
    made = StepRequantizer(True, np.zeros_like(right), multiplier, constant, shift, right - shift)
    return made if _fits_registers(made, stairs) and _same(made, stairs) else None


def _one_sided(stairs: Staircase, multiplier: Int64Array, right: Int64Array) -> StepRequantizer | None:
    live = multiplier > 0
    finest = int(right[live].min()) if live.any() else 1
    # One less than the reference's, whose product is doubled; even, so that more layers share their code.
    shift = (finest - 1) & ~1
    finest = shift + 1
    if not 0 <= shift <= 22:
        return None
    drop = np.where(live, right - finest, 0)
    if (drop > 31).any():
        return None
    slope = (multiplier + ((np.int64(1) << drop) >> 1)) >> drop
    channels = multiplier.size
    delta, constant, chosen = np.zeros((3, channels), np.int64)
    left = np.ones(channels, bool)
    for nudge in (0, 1, -1, 2, -2):
        trial = np.where(live, np.clip(slope + nudge, 0, _INT32 - 1), 0)
        open_channels = np.flatnonzero(left)
        if not open_channels.size:
            break
        for at in range(0, open_channels.size, _AT_ONCE):
            some = open_channels[at : at + _AT_ONCE]
            good, d, c = _constants(stairs, trial[some], shift, some)
            hit = some[good]
            delta[hit], constant[hit], chosen[hit] = d[good], c[good], trial[hit]
            left[hit] = False
    if left.any():
        return None
    made = StepRequantizer(False, delta, chosen, constant, shift, np.zeros_like(chosen))
    return made if _fits_registers(made, stairs) and _same(made, stairs) else None


def _constants(
    stairs: Staircase, m: Int64Array, shift: int, some: Int64Array
) -> tuple[npt.NDArray[np.bool_], Int64Array, Int64Array]:
    """Return for some channels with slopes `m`: whether constants were found, delta, and c."""
    low, high, first = stairs.low[some], stairs.high[some], stairs.first[:, some]
    level = stairs.levels[:, None] << (32 + shift)
    at, before = np.maximum(first, low), np.minimum(first - 1, high)

    at_least = np.where(first <= high, level - np.minimum(at, high) * m, -_NONE)
    less_than = np.where(first > low, level - np.maximum(before, low) * m, _NONE)
    least, most = at_least.max(axis=0, initial=-_NONE), less_than.min(axis=0, initial=_NONE)
    # Of the constants below `most`, the nearest to zero: free channels get small ones.
    rest = least[:, None] - _INT32 - _DELTAS * m[:, None]
    c = -((-rest) // _WORD)
    c = np.where((least == -_NONE)[:, None], np.minimum(0, (most[:, None] - 1 - _INT32) // _WORD), c)
    made = c * _WORD + _INT32 + _DELTAS * m[:, None]
    fits = (made >= least[:, None]) & (made < most[:, None]) & (np.abs(c) < _INT32)
    pick = fits.argmax(axis=1)
    rows = np.arange(some.size)
    good, delta, constant = fits[rows, pick], _DELTAS[pick], c[rows, pick]
    for i in np.flatnonzero(~good & (least < most) & (m > 0)):
        # delta * m must end up in [least, most) modulo 2**32, less the 2**31 that SMMLAR adds.
        begin, width = int(least[i]) - _INT32, int(most[i] - least[i])
        d = first_multiple_within(int(m[i]), _WORD, begin % _WORD, begin % _WORD + width - 1)
        if d is not None:
            good[i], delta[i] = True, d
            constant[i] = -((d * int(m[i]) - begin) // _WORD)
    return good, delta, constant


def first_multiple_within(step: int, modulus: int, low: int, high: int) -> int | None:
    """Return the least x >= 0 with ``step * x % modulus`` in [low, high], or None; as Euclid's algorithm finds it.

    Parameters
    ----------
    step, modulus : int
        Positive.
    low, high : int
        0 <= low < modulus, low <= high; from `modulus` on the interval begins again at 0.
    """
    if low == 0 or high >= modulus:
        return 0
    step %= modulus
    if step == 0:
        return None
    x = -(-low // step)
    if x * step <= high:
        return x
    # No multiple lies inside before the first wrap: count wraps instead, modulo the step.
    wraps = first_multiple_within(modulus % step, step, -high % step, -low % step) if modulus % step else None
    return None if wraps is None else -(-(low + modulus * wraps) // step)


def _fits_registers(made: StepRequantizer, stairs: Staircase) -> bool:
    """Tell whether no step of the arithmetic leaves int32."""
    ends = np.stack([stairs.low, stairs.high]) + made.delta
    limit = _INT32 >> int(made.signed)
    product = np.abs((ends << int(made.signed)) * made.multiplier >> 32) + 2
    return bool(
        (np.abs(ends) < limit).all()
        and (np.abs(made.constant) + product < _INT32).all()
        and (np.abs(made.constant) < _INT32 - 1).all()
    )


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
    return Staircase(low, high, levels, np.where(multiplier == 0, np.where(above <= 0, -_FAR, _FAR), first))
