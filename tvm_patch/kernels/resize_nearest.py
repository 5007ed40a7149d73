"""Nearest-neighbour resize: which pixel each output pixel copies is known at compile time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.resize import Line, nearest_indices, nearest_line
from tvm_patch.kernels.base import Kernel, RowKernel, TensorKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import copy_elements, kernel_body, parameters_of
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.resized_rows import flags_of, window_along
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_AXES = {"rows": 1, "columns": 2}


class _Nearest(Kernel):
    """Copies pixels; an integer factor is a division by a literal, anything else a table of indices."""

    kinds = ("resize_nearest",)

    def _indices(self, name: str) -> np.ndarray:
        axis = _AXES[name]
        return nearest_indices(
            self.op.inputs[0].shape[axis], self.op.outputs[0].shape[axis], *flags_of(self.op)
        )

    def _factor(self, name: str) -> int | None:
        """Return f such that output pixel i copies input pixel ``i // f``, if there is one."""
        indices = self._indices(name)
        factor = -(-len(indices) // self.op.inputs[0].shape[_AXES[name]])
        return factor if np.array_equal(indices, np.arange(len(indices)) // factor) else None

    def tables(self, *names: str) -> dict[str, np.ndarray]:
        """Return the tables of those of ``rows`` and ``columns`` that are no plain quotient."""
        return {n: self._indices(n).astype(np.int32) for n in names if self._factor(n) is None}

    def source(self, buffers: Mapping[str, Buffer], name: str, index: Expr) -> Expr:
        """Emit the row or column of the input that one of the output is a copy of."""
        factor = self._factor(name)
        if factor is None:
            return bind("source", buffers[name][index])
        return T.truncdiv(index, factor) if factor > 1 else index

    def copy(self, out: Buffer, to: Expr, data: Buffer, start: Expr) -> None:
        """Emit the copying of one pixel."""
        channels = self.op.outputs[0].shape[3]
        copy_elements(out, data, (channels,), out_strides=(1,), data_strides=(1,), offsets=(to, start))


@register
class ResizeNearest(_Nearest, TensorKernel):
    """Any batch and size."""

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Tables of input rows and columns, where they are no plain quotient."""
        return self.tables("rows", "columns")

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        batch, in_height, in_width, channels = self.op.inputs[0].shape
        _, height, width, _ = self.op.outputs[0].shape
        with (
            kernel_body(parameters_of(self)) as (builder, buffers),
            loop("batch", 0, batch) as b,
            loop("y", 0, height) as y,
        ):
            row = self.source(buffers, "rows", y)
            with loop("x", 0, width) as x:
                column = self.source(buffers, "columns", x)
                to = ((b * height + y) * width + x) * channels
                start = ((b * in_height + row) * in_width + column) * channels
                self.copy(buffers["out0"], to, buffers["in0"], start)
        return builder.get()


@register
class ResizeNearestRow(_Nearest, RowKernel):
    """Batch 1, where the rows lie on a line: any integer factor, and nearly all others."""

    @classmethod
    def line(cls, op: Operator) -> Line | None:
        """Return the line of its rows."""
        return nearest_line(op.inputs[0].shape[1], op.outputs[0].shape[1], *flags_of(op))

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take batch 1 with rows on a line."""
        return op.inputs[0].shape[0] == 1 and cls.line(op) is not None

    @property
    def bandable(self) -> bool:
        """Not: where a column comes from depends on where it is."""
        return False

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row, whole."""
        line = self.line(self.op)
        assert line is not None
        return (window_along(line, 1, self.op.inputs[0].shape[2]),)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """A table of input columns, where they are no plain quotient."""
        return self.tables("columns")

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        _, _, width, channels = self.op.outputs[0].shape
        with row_body(self, dynamic) as (builder, buffers, _), loop("x", 0, width) as x:
            column = self.source(buffers, "columns", x)
            self.copy(buffers["out"], x * channels, buffers["in0_row0"], column * channels)
        return builder.get()
