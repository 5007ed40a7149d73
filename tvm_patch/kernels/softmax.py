"""Softmax over the last axis in gemmlowp's fixed point.

A difference to the row's maximum takes 256 values, so ``exp`` is a table made at compile time with the same
fixed-point steps; what remains per row is one reciprocal (three Newton steps in Q2.29).
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Operator
from tvm_patch.integer.requantize import multiply_by_quantized_multiplier
from tvm_patch.integer.softmax import exp_on_negative_values
from tvm_patch.kernels.base import RowKernel, TensorKernel
from tvm_patch.kernels.fixed_point import clamp, high_multiply
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import kernel_body, parameters_of
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_SUM_INTEGER_BITS = 12
_LONGEST_ROW = (1 << _SUM_INTEGER_BITS) - 1
"""More elements than this at the maximum overflow the reference's Q12.19 sum."""

_INT32_MAX = (1 << 31) - 1
_ONE_Q2 = 1 << 29
_48_OVER_17_Q2 = 1515870810
_NEG_32_OVER_17_Q2 = -1010580540


def exp_table(multiplier: int, shift: int, diff_min: int) -> np.ndarray:
    """Return exp of the 256 differences 0, -1, ... -255 in Q0.31; 0 marks those below `diff_min`."""
    difference = np.arange(0, -256, -1, dtype=np.int64)
    live = difference >= diff_min
    # Differences that do not count may leave 32 bits; they are replaced before anything is computed.
    argument = multiply_by_quantized_multiplier(np.where(live, difference, 0), multiplier, shift)
    result = exp_on_negative_values(argument.astype(np.int64))
    return np.where(live, result, 0).astype(np.int32)


@register
class Softmax(TensorKernel):
    """Three passes over each row: maximum, sum of exponentials, quotients.

    The table of exponentials (1 KiB) is built for the operator's scale.
    """

    kinds = ("softmax",)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """``exp`` by distance from the maximum, as far as it counts."""
        attrs = self.op.attrs
        table = exp_table(int(attrs["multiplier"]), int(attrs["shift"]), int(attrs["diff_min"]))
        return {"exp_table": table}

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        depth = self.op.inputs[0].shape[-1]
        if depth > _LONGEST_ROW:
            raise UnsupportedError(
                f"softmax over {depth} elements",
                f"binding {self.op.name}",
                "the reference overflows beyond 4095",
            )
        with kernel_body(parameters_of(self)) as (builder, buffers):
            _rows(
                buffers["in0"], buffers["exp_table"], buffers["out0"], self.op.inputs[0].size // depth, depth
            )
        return builder.get()

    @property
    def in_place(self) -> tuple[int | None, ...]:
        """In place: a row is read to its end before it is written, and its last pass is element-wise."""
        return (0,)


@register
class SoftmaxRow(RowKernel):
    """The same over the channels of every pixel of a row: segmentations, and heads that are not flattened."""

    kinds = Softmax.kinds
    elementwise = True  # a pixel is read to its end before its first element is written

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take NHWC with batch 1, of which some pixels lie beside each other."""
        _, *extents = shape = op.inputs[0].shape
        return len(shape) == 4 and shape[0] == 1 and max(extents[:2]) > 1 and shape[3] <= _LONGEST_ROW

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """As for whole tensors."""
        return Softmax(self.op).constants

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row."""
        return (RowWindow(),)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        _, _, width, depth = self.op.inputs[0].shape
        with row_body(self, dynamic) as (builder, buffers, columns):
            pixels = width if columns is None else columns
            _rows(buffers["in0_row0"], buffers["exp_table"], buffers["out"], pixels, depth)
        return builder.get()


def _rows(data: Buffer, exp: Buffer, out: Buffer, rows: int | Expr, depth: int) -> None:
    """Emit the softmax of `rows` times `depth` elements."""
    state = array("state", 3)  # maximum; sum, then its reciprocal; bits over unit
    with loop("row", 0, rows) as row:
        base = row * depth
        T.buffer_store(state, -128, [0])
        with loop("i", 0, depth) as i:
            T.buffer_store(state, T.max(bind("most", state[0]), T.cast(data[base + i], "int32")), [0])
        T.buffer_store(state, 0, [1])
        with loop("i", 0, depth) as i:
            # Rescaled from Q0.31 to Q12.19; a table entry of 0 adds nothing.
            wide = bind("wide", exp[state[0] - T.cast(data[base + i], "int32")])
            T.buffer_store(state, state[1] + _half_up(wide, _SUM_INTEGER_BITS), [1])
        _reciprocal(state)
        with loop("i", 0, depth) as i:
            power = bind("power", exp[state[0] - T.cast(data[base + i], "int32")])
            quotient = high_multiply(power, state[1])
            # Rounded in two shifts so that nothing overflows; beyond 31 bits the result is 0.
            bits_less_one = T.min(state[2] + (31 - 8 - 1), 31)
            rounded = T.shift_right(T.shift_right(quotient, bits_less_one) + 1, 1)
            T.buffer_store(out, clamp(rounded - 128, -128, 127), [base + i])


def _half_up(value: Expr, bits: int) -> Expr:
    """Return a non-negative value over ``2**bits``, halves rounded up, in two shifts that cannot overflow."""
    return T.shift_right(T.shift_right(value, bits - 1) + 1, 1)


def _reciprocal(state: Expr) -> None:
    """Turn ``state[1]``, a positive Q12.19 sum, into 1/sum in Q0.31 (gemmlowp's ``GetReciprocal``).

    ``state[2]`` becomes the number of bits by which the result is still too large.
    """
    # Normalize: count leading zeros by halves, shifting left until the top bit of 31 is set.
    T.buffer_store(state, _SUM_INTEGER_BITS - 1, [2])
    for bits in (16, 8, 4, 2, 1):
        with T.If(state[1] < (1 << (31 - bits))), T.Then():
            T.buffer_store(state, state[1] * (1 << bits), [1])
            T.buffer_store(state, state[2] - bits, [2])
    # state[1] is now in [2**30, 2**31): (1 + a) / 2 in Q0.31; half_denominator = (a + 1) / 2 with gemmlowp's
    # rounding of (2 * state[1] - 2**31 + 2**31 - 1 + 1) / 2, which is state[1] itself.
    half_denominator = state[1]
    x = array("reciprocal", 1)
    T.buffer_store(x, _48_OVER_17_Q2 + high_multiply(half_denominator, _NEG_32_OVER_17_Q2), [0])
    for _ in range(3):
        error = _ONE_Q2 - high_multiply(half_denominator, x[0])
        step = high_multiply(x[0], error)
        T.buffer_store(x, x[0] + _saturating_shift_left(step, 2), [0])
    T.buffer_store(state, _saturating_shift_left(x[0], 1), [1])


def _saturating_shift_left(value: Expr, bits: int) -> Expr:
    wide = T.cast(value, "int64") * T.int64(1 << bits)
    low, high = T.int64(-_INT32_MAX - 1), T.int64(_INT32_MAX)
    return T.cast(reduce(T.max, (T.min(wide, high), low)), "int32")
