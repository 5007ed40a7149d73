"""From int32 accumulators of convolutions to int8, per output channel.

TFLite rounds twice: ``h = round(acc * multiplier / 2**31)``, then ``round(h / 2**s)``.  Two ways to compute that are
used, chosen once per operator from the actual weights:

*short*
    Where every accumulator provably lies in [-2**30, 2**30), every channel shifts right and no sum can overflow,
    ``h = (2 * acc * m + 2**31) >> 32`` is one instruction (SMMULR) and
    ``(h + (h >> 31) + 2**(s-1) + zp * 2**s) >> s`` is the second rounding with the zero point inside.
*general*
    Any pair, with 64-bit arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.requantize import multiply_by_quantized_multiplier
from tvm_patch.kernels.named import bind
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

R = TypeVar("R", bound="Requantizer")

_INT32_LIMIT = 1 << 31
_SHORT_LIMIT = 1 << 30
ZERO_POINT_ROOM = 512
"""A rescaled value may be clamped to +-this before the zero point is added: int8 saturates it anyway."""


def accumulator_bounds(
    weight: np.ndarray, bias: np.ndarray, zero_point: int, partial: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and greatest accumulator of every output channel over all int8 inputs.

    Parameters
    ----------
    weight : ndarray of int8, shape (channels, reduction)
        All weights that an output of the channel meets.
    bias : ndarray of int64, shape (channels,)
        As in the model: before the zero point is folded in.
    zero_point : int
        Of the input.
    partial : bool
        Whether outputs may meet only some of the weights (transposed convolution).
    """
    positive, negative = _signed_sums(weight)
    least, most = -128 - zero_point, 127 - zero_point
    low, high = (positive * x + negative * y for x, y in ((least, most), (most, least)))
    if partial:
        low = positive * min(least, 0) + negative * max(most, 0)
        high = positive * max(most, 0) + negative * min(least, 0)
    return bias + low, bias + high


def _signed_sums(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of the positive and of the negative weights of every output channel, int64."""
    positive, negative = (f(weight, 0).sum(axis=1, dtype=np.int64) for f in (np.maximum, np.minimum))
    return positive, negative


@dataclass(frozen=True)
class Requantizer:
    """Bias and rescaling of one operator: constants for flash, and the code that uses them.

    Attributes
    ----------
    bias : ndarray of int32
        What accumulators start from.
    multiplier, shift : ndarray of int64
        TFLite's pair per output channel; negative multipliers occur.
    zero_point, act_min, act_max : int
        Of the output.
    low, high : ndarray of int64
        Bounds of the accumulators.
    wraps : bool
        Whether partial sums may leave int32, so that additions must be done modulo 2**32.
    """

    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    zero_point: int
    act_min: int
    act_max: int
    low: np.ndarray
    high: np.ndarray
    wraps: bool

    @classmethod
    def make(
        cls: type[R], op: Operator, weight: np.ndarray, *, fold_zero_point: bool = True, partial: bool = False
    ) -> R:
        """Build it from an operator with the dialect's arguments bias, multiplier and shift.

        Parameters
        ----------
        op : Operator
            The operator.
        weight : ndarray of int8, shape (channels, reduction)
            Rearranged so that row o holds all weights of output channel o.
        fold_zero_point : bool
            Fold the input's zero point into the bias; otherwise the kernel subtracts it from the data.
        partial : bool
            See :func:`accumulator_bounds`.
        """
        # Every kernel that may compile the operator asks, and all have its weights in some order.
        key = cls, fold_zero_point, partial
        if key not in op.worked_out:
            op.worked_out[key] = cls._made(op, weight, fold_zero_point, partial)
        found: R = op.worked_out[key]
        return found

    @classmethod
    def _made(cls: type[R], op: Operator, weight: np.ndarray, fold_zero_point: bool, partial: bool) -> R:
        attrs, zero_point = op.attrs, int(op.attrs["input_zero_point"])
        bias = op.constants["bias"].astype(np.int64)
        low, high = accumulator_bounds(weight, bias, zero_point, partial)
        positive, negative = _signed_sums(weight)
        start = bias - zero_point * (positive + negative) if fold_zero_point else bias
        # Any order of summation stays between the sums of all negative and of all positive terms.
        reach = 128 if fold_zero_point else 255
        span = reach * (positive - negative)
        wraps = bool(((start - span < -_INT32_LIMIT) | (start + span >= _INT32_LIMIT)).any())
        multiplier, shift = (op.constants[k].astype(np.int64) for k in ("multiplier", "shift"))
        multiplier, shift = cls._silence_dead_channels(multiplier, shift, low, high)
        return cls(
            (((start + _INT32_LIMIT) & 0xFFFFFFFF) - _INT32_LIMIT).astype(np.int32),
            multiplier,
            shift,
            int(attrs["output_zero_point"]),
            int(attrs["act_min"]),
            int(attrs["act_max"]),
            low,
            high,
            wraps,
        )

    @staticmethod
    def rescale(acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Return what accumulators become before the zero point is added: the specification."""
        return multiply_by_quantized_multiplier(acc, multiplier, shift).astype(np.int64)

    @classmethod
    def _silence_dead_channels(
        cls, multiplier: np.ndarray, shift: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give channels that rescale to 0 whatever the input multiplier 0 and a harmless shift.

        Pruned channels often have a vanishing scale, whose huge shift would keep the operator from the short form.
        """
        inside = (low >= -_INT32_LIMIT) & (high < _INT32_LIMIT)
        ends = [cls.rescale(np.where(inside, end, 0), multiplier, shift) for end in (low, high)]
        # Rescaling is monotonic as long as the left shift does not wrap.
        dead = (multiplier == 0) | (inside & (shift <= 0) & (ends[0] == 0) & (ends[1] == 0))
        return np.where(dead, 0, multiplier), np.where(dead, -1, shift)

    @cached_property
    def short(self) -> bool:
        """Whether the short form is exact for every channel."""
        return self._fits_short(self.multiplier, self.shift)

    def _fits_short(self, multiplier: np.ndarray, shift: np.ndarray) -> bool:
        """Tell whether no step of the short form leaves int32 with these pairs."""
        largest = np.maximum(np.abs(self.low), np.abs(self.high))
        if self.wraps or (largest >= _SHORT_LIMIT).any() or (shift > -1).any() or (shift < -31).any():
            return False
        h = ((largest * np.abs(multiplier)) >> 31) + 2  # one for its rounding, one for h >> 31
        added = np.abs(np.int64(2 * self.zero_point + 1)) << (-shift - 1)
        return bool((h + added < _INT32_LIMIT).all())

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """``bias``, ``multiplier`` and ``shift``: 9 bytes an output channel.

        In the short form ``shift`` holds the right shift less one, otherwise TFLite's own.
        """
        shift = -self.shift - 1 if self.short else self.shift
        multiplier = self.multiplier.astype(np.int32)
        return {"bias": self.bias, "multiplier": multiplier, "shift": shift.astype(np.int8)}

    def load(self, buffers: dict[str, Buffer], channel: Expr) -> tuple[Expr, Expr]:
        """Emit the loading of a channel's multiplier and shift into locals."""
        multiplier = bind("multiplier", buffers["multiplier"][channel])
        shift = bind("shift", T.cast(buffers["shift"][channel], "int32"))
        return multiplier, shift

    def emit(self, acc: Expr, multiplier: Expr, shift: Expr) -> Expr:
        """Return the int32 expression, in [act_min, act_max], of a finished accumulator."""
        emit = self._emit_short if self.short else self._emit_general
        value = T.min(emit(acc, multiplier, shift), T.int32(self.act_max))
        return T.max(value, T.int32(self.act_min))

    def _emit_short(self, acc: Expr, multiplier: Expr, shift: Expr) -> Expr:
        product = T.cast(acc, "int64") * T.cast(multiplier, "int64")
        h = bind("high", T.cast(T.shift_right(product + T.int64(1 << 30), T.int64(31)), "int32"))
        # (2 * zp + 1) << shift, as a product: the factor may be negative.
        rounding = T.int32(2 * self.zero_point + 1) * T.shift_left(T.int32(1), shift)
        return T.shift_right(T.shift_right(h + T.shift_right(h, T.int32(31)) + rounding, shift), T.int32(1))

    def _emit_general(self, acc: Expr, multiplier: Expr, shift: Expr) -> Expr:
        left = bind("left", T.max(shift, T.int32(0)))
        right = bind("right", T.max(0 - shift, T.int32(0)))
        # Left shifts wrap like the reference's; unsigned, because shifting negatives is undefined in C.
        shifted = T.cast(T.shift_left(T.cast(acc, "uint32"), T.cast(left, "uint32")), "int32")
        product = T.cast(shifted, "int64") * T.cast(multiplier, "int64")
        # Both operands may be -2**31; that product saturates.
        high = T.shift_right(product + T.int64(1 << 30), T.int64(31))
        h = bind("high", T.min(high, T.int64(_INT32_LIMIT - 1)))
        # Half away from zero in 64 bits; with right == 0 nothing is added: the half is 0 and so is the sign's bit.
        half = bind("half", T.shift_right(T.shift_left(T.int64(1), T.cast(right, "int64")), T.int64(1)))
        nudged = (
            h
            + half
            - T.cast(T.bitwise_and(T.cast(h < T.int64(0), "int32"), T.cast(right > 0, "int32")), "int64")
        )
        rounded = bind("rounded", T.cast(T.shift_right(nudged, T.cast(right, "int64")), "int32"))
        room = T.int32(ZERO_POINT_ROOM)
        return T.max(T.min(rounded, room), 0 - room) + T.int32(self.zero_point)


def store_int8(buffer: Buffer, index: Expr, value: Any) -> None:
    """Emit the store of an int32 expression known to fit int8."""
    T.buffer_store(buffer, T.cast(value, "int8"), [index])
