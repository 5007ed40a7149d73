"""Bilinear resize with TFLite's Q10 weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.resize import FRACTION_BITS, Line, bilinear_coordinates, bilinear_line
from tvm_patch.kernels.base import RowKernel, TensorKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import kernel_body, parameters_of
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.resized_rows import flags_of, window_along
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_ONE = 1 << FRACTION_BITS


def _axis(op: Operator, axis: int) -> np.ndarray:
    """Return (lower index, upper index, weight of upper) per output index, flat."""
    sizes = op.inputs[0].shape[axis], op.outputs[0].shape[axis]
    return np.stack(bilinear_coordinates(*sizes, *flags_of(op)), axis=1).astype(np.int32).reshape(-1)


@register
class ResizeBilinear(TensorKernel):
    """Per output pixel two rows, two columns and two weights from tables made at compile time.

    Weights lie in [-512, 1536] and those of one axis add up to 1024, so sums stay below 2**30: 32 bits hold
    what the reference computes in 64.
    """

    kinds = ("resize_bilinear",)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Three int32 per output row and per output column."""
        return {"rows": _axis(self.op, 1), "columns": _axis(self.op, 2)}

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        batch, in_height, in_width, channels = self.op.inputs[0].shape
        _, height, width, _ = self.op.outputs[0].shape
        with (
            kernel_body(parameters_of(self)) as (builder, buffers),
            loop("batch", 0, batch) as b,
            loop("y", 0, height) as y,
        ):
            top, bottom, down = _entry(buffers["rows"], y, ("top", "bottom", "down"))
            rows = [(buffers["in0"], (b * in_height + row) * (in_width * channels)) for row in (top, bottom)]
            out = (buffers["out0"], (b * height + y) * (width * channels))
            _row(rows, down, buffers["columns"], out, width, channels)
        return builder.get()


@register
class ResizeBilinearRow(RowKernel):
    """The same for batch 1, row by row; the weight of the lower row follows from the number of the output row.

    Where a row lies outside its tensor both rows are the nearest one inside, and their weights do not matter.
    """

    kinds = ResizeBilinear.kinds
    numbered = True

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take batch 1, unless Q10 is too coarse to tell any of its rows apart."""
        height, made = op.inputs[0].shape[1], op.outputs[0].shape[1]
        return op.inputs[0].shape[0] == 1 and (
            height == 1 or bilinear_line(height, made, *flags_of(op))[0] > 0
        )

    @property
    def line(self) -> Line:
        """Where its rows begin, in Q10; all at the same one where there is a single one."""
        height, made = self.op.inputs[0].shape[1], self.op.outputs[0].shape[1]
        _axis(self.op, 1)  # refuses what TFLite cannot do
        return (
            Line(*bilinear_line(height, made, *flags_of(self.op)), _ONE) if height > 1 else Line(1, 0, made)
        )

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """Two rows, whole."""
        return (window_along(self.line, 2, self.op.inputs[0].shape[2]),)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Three int32 per output column."""
        return {"columns": _axis(self.op, 2)}

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        _, _, width, channels = self.op.outputs[0].shape
        line = self.line
        with row_body(self, dynamic) as (builder, buffers, _):
            position = buffers["row"] * line.numerator + line.offset % _ONE
            down = bind("down", T.bitwise_and(position, T.int32(_ONE - 1)))
            rows = [(buffers[f"in0_row{j}"], T.int32(0)) for j in range(2)]
            _row(rows, down, buffers["columns"], (buffers["out"], T.int32(0)), width, channels)
        return builder.get()


def _row(
    rows: Sequence[tuple[Buffer, Expr]],
    down: Expr,
    columns: Buffer,
    out: tuple[Buffer, Expr],
    width: int,
    channels: int,
) -> None:
    """Emit the making of a row between two, each given as a buffer and where it begins in it."""
    half = 1 << (2 * FRACTION_BITS - 1)
    made, to = out
    with loop("x", 0, width) as x:
        left, right, across = _entry(columns, x, ("left", "right", "across"))
        with loop("channel", 0, channels) as c:
            pixels = [
                bind("pixel", T.cast(data[start + column * channels + c], "int32"))
                for data, start in rows
                for column in (left, right)
            ]
            upper, lower = (
                bind(name, a * _ONE + (b - a) * across)
                for name, a, b in (("upper", *pixels[:2]), ("lower", *pixels[2:]))
            )
            total = bind("total", upper * _ONE + (lower - upper) * down)
            # Halves away from zero: below zero the sign takes one off.
            rounded = T.shift_right(total + half + T.shift_right(total, 31), 2 * FRACTION_BITS)
            T.buffer_store(made, T.cast(rounded, "int8"), [to + x * channels + c])


def _entry(table: Buffer, index: Expr, names: tuple[str, ...]) -> list[Expr]:
    """Emit the loads of one entry of a table of neighbours and weights."""
    return [bind(name, table[index * len(names) + i]) for i, name in enumerate(names)]
