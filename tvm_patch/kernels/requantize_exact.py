"""Rescaling by a double with one rounding: what BUILTIN_REF does for FULLY_CONNECTED.

The reference rounds ``acc * real`` once, halves away from zero, where `real` is a double of 53 bits.  The accumulators
of an operator are bounded and an int8 result has at most 255 steps, so 31 bits of multiplier nearly always put
every step at the same accumulator; whether they do is checked here step by step, for each channel.  Then
``h = (2 * acc * m) >> 32`` and ``(h + 2**(s-1) + zp * 2**s) >> s`` are exact: rounding down twice is rounding
down once.  Otherwise all 53 bits are used.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from tvm_patch.integer.requantize import multiply_exact
from tvm_patch.kernels.named import bind
from tvm_patch.kernels.requantize import ZERO_POINT_ROOM, Requantizer
from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr

_LOW_BITS = 22
_SHIFT_BITS = 6
_AT_ONCE = 128  # channels that are compared together
_STEPS = np.arange(-256, 257)
"""Results before the zero point is added, between which int8 can tell."""


class ExactRequantizer(Requantizer):
    """A :class:`Requantizer` whose pairs are 53-bit mantissas and shifts, see ``multiply_exact``."""

    @staticmethod
    def rescale(acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Return what accumulators become before the zero point is added: the specification."""
        # Written with the multiplier's sign apart: halves go away from zero on both sides.
        product: np.ndarray = np.sign(multiplier) * multiply_exact(acc, np.abs(multiplier), shift)
        return product

    @cached_property
    def short(self) -> bool:
        """Whether 31 bits are enough for every channel."""
        return self._short_pairs is not None

    @cached_property
    def _short_pairs(self) -> tuple[np.ndarray, np.ndarray] | None:
        """31-bit multipliers and shifts that move no step, or None."""
        sign = np.sign(self.multiplier)
        floor = np.abs(self.multiplier) >> _LOW_BITS
        whole = (np.abs(self.multiplier) & ((1 << _LOW_BITS) - 1)) == 0
        chosen, found = np.zeros_like(self.multiplier), np.zeros(sign.shape, bool)
        # Just above the true value, exact halves go away from zero on both sides; a whole multiplier has it at 2.
        for extra in (1, 2, 0):
            candidate = sign * (floor + np.where(whole & (extra > 0), extra - 1, extra))
            good = (np.abs(candidate) < 1 << 31) & ~found & self._fits_short(candidate, self.shift)
            good[good] = self._same_steps(candidate, np.flatnonzero(good))
            chosen, found = np.where(good, candidate, chosen), found | good
        return (chosen, self.shift) if found.all() else None

    def _same_steps(self, candidate: np.ndarray, channels: np.ndarray) -> np.ndarray:
        """Tell for some channels whether a 31-bit multiplier gives the specification's result everywhere.

        Channels of one scale have one multiplier, and what holds for the widest of them holds for all.
        """
        rows = np.stack([candidate, self.multiplier, self.shift.astype(np.int64)])[:, channels]
        kinds, group = np.unique(rows, axis=1, return_inverse=True)
        group = group.reshape(-1)
        low, high = np.zeros((2, kinds.shape[1]), np.int64)
        np.minimum.at(low, group, self.low[channels])
        np.maximum.at(high, group, self.high[channels])
        same = self._agrees(kinds, low, high)[group]
        apart = np.flatnonzero(~same)
        same[apart] = self._agrees(rows[:, apart], self.low[channels][apart], self.high[channels][apart])
        return same

    def _agrees(self, rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Compare both sides of every step, a part of the columns at a time: thousands of numbers each."""
        parts = [slice(i, i + _AT_ONCE) for i in range(0, rows.shape[1], _AT_ONCE)]
        return np.concatenate(
            [np.zeros(0, bool), *(self._part_agrees(rows[:, p], low[p], high[p]) for p in parts)]
        )

    def _part_agrees(self, rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        # Both functions are monotonic, so they are equal everywhere when they are equal on both sides of each step.
        candidate, multiplier, shift = rows
        real = multiplier * 2.0 ** (shift - 53)
        safe = np.where(real == 0, 1.0, real)
        middle = np.floor((_STEPS[:, None] + 0.5) / safe)
        ends = np.stack([low, high])
        steps = np.concatenate([np.clip(middle + i, low, high) for i in (-1, 0, 1, 2)] + [ends])
        acc = steps.astype(np.int64)
        right = np.maximum(-shift, 1)
        # In the order of the code: nothing here is rounded that it does not round.
        high_half = (acc * np.clip(candidate, 1 - (1 << 31), (1 << 31) - 1)) >> 31
        once = (high_half + (np.int64(1) << (right - 1))) >> right
        want = self.rescale(acc, multiplier, shift)
        limit = int(_STEPS[-1])
        equal: np.ndarray = (np.clip(once, -limit, limit) == np.clip(want, -limit, limit)).all(axis=0)
        return equal

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """``bias``, ``multiplier`` and ``shift``: 9 bytes an output channel, 12 where all 53 bits are needed."""
        if self._short_pairs is not None:
            multiplier, shift = self._short_pairs[0], (-self._short_pairs[1] - 1).astype(np.int8)
        else:
            size = np.abs(self.multiplier)
            multiplier = np.sign(self.multiplier) * (size >> _LOW_BITS)
            low = size & ((1 << _LOW_BITS) - 1)
            shift = ((low << _SHIFT_BITS) | (31 - self.shift)).astype(np.int32)
        return {"bias": self.bias, "multiplier": multiplier.astype(np.int32), "shift": shift}

    def _emit_short(self, acc: Expr, multiplier: Expr, shift: Expr) -> Expr:
        product = T.cast(acc, "int64") * T.cast(multiplier, "int64")
        h = T.cast(T.shift_right(product, T.int64(31)), "int32")
        rounding = T.int32(2 * self.zero_point + 1) * T.shift_left(T.int32(1), shift)
        return T.shift_right(T.shift_right(h + rounding, shift), T.int32(1))

    def _emit_general(self, acc: Expr, multiplier: Expr, shift: Expr) -> Expr:
        def magnitude(value: Expr) -> Expr:
            wide = bind("wide", T.cast(value, "int64"))
            return bind("magnitude", T.max(wide, T.int64(0) - wide))

        size, upper = magnitude(acc), magnitude(multiplier)
        lower = T.cast(T.shift_right(shift, T.int32(_SHIFT_BITS)), "int64")
        right = bind("right", T.cast(T.bitwise_and(shift, T.int32((1 << _SHIFT_BITS) - 1)), "int64"))
        scaled = size * upper + T.shift_right(size * lower, T.int64(_LOW_BITS))
        half = T.shift_right(T.shift_left(T.int64(1), right), T.int64(1))
        rounded = T.cast(T.min(T.shift_right(scaled + half, right), T.int64(ZERO_POINT_ROOM)), "int32")
        # The product of two sign bits, as 1 or -1.
        negative = T.bitwise_xor(T.shift_right(acc, T.int32(31)), T.shift_right(multiplier, T.int32(31)))
        return rounded * (T.bitwise_or(negative, T.int32(1))) + T.int32(self.zero_point)
