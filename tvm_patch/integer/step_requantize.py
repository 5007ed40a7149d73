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

Slopes of a half and more, which no `m` of 31 bits is, take the *raised* form: accumulators are shifted to the left
first, by one number for the layer.

In all of them a channel needs two words: `m`, and `b` with ten bits below it (or eight, a shift).  The ten are the
lower bits of `c`; its upper four are the lowest of `m`, which has bits to spare: most slopes may be a little off, and
each brings other values of `c`.  Where channels' scales differ so much that one of them finds no constants, the layer
takes the signed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.staircase import Int64Array, Staircase

_INT32 = 1 << 31
OWN_BITS = 10
"""Bits below the bias."""
SHIFT_BITS = 8
"""The same in the signed form, whose shifts by register read a byte."""
SLOPE_BITS = 4
"""Bits that the multiplier lends to the constant."""


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
    raised : int
        How far accumulators, `b` included, are shifted to the left first; 0 in the signed form.
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
    raised: int
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
            product = (acc << self.raised) * self.multiplier
            scaled = self.constant + ((product + _INT32) >> 32) >> self.shift
        clamped: Int64Array = np.clip(scaled, -128, 127)
        return clamped


def proved(made: StepRequantizer, stairs: Staircase) -> StepRequantizer | None:
    """Return constants if no step of the arithmetic leaves int32 and the steps are the reference's, else None."""
    ends = made.total(np.stack([stairs.low, stairs.high]))
    up = int(made.signed) or made.raised
    limit = _INT32 >> up
    product = np.abs((ends << up) * made.multiplier >> 32) + 2
    fits = (
        (np.abs(ends) < limit).all()
        and (np.abs(made.constant) + product < _INT32).all()
        and (made.bias >= -(1 << (31 - made.own_bits))).all()
        and (made.bias < 1 << (31 - made.own_bits)).all()
    )
    return made if fits and stairs.has_steps_of(made.apply) else None
