"""Rearrangements: blocks of pixels to channels and back, channels shuffled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import Kernel, RowKernel, TensorKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import Strides, copy_elements, element_strides, kernel_body, parameters_of
from tvm_patch.kernels.named import bind
from tvm_patch.kernels.registry import register
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.rearrangement import Axes, Axis, RowForm, as_split, from_split, row_form
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


def _axes(op: Operator) -> Axes:
    return from_split([int(d) for d in op.attrs["split"]], [int(k) for k in op.attrs["order"]])


class _Rearrange(Kernel):
    """Writes the output in order."""

    kinds = ("rearrange",)

    def copy(
        self,
        out: Buffer,
        data: Buffer,
        extents: Sequence[int | Expr],
        strides: tuple[Strides, Strides],
        offsets: tuple[int | Expr, int | Expr] = (0, 0),
    ) -> None:
        """Emit the copying of elements, whose strides are those of output and input."""
        copy_elements(out, data, extents, out_strides=strides[0], data_strides=strides[1], offsets=offsets)


@register
class Rearrange(_Rearrange, TensorKernel):
    """Any shapes."""

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        axes = _axes(self.op)
        extents = [axis.extent for axis in axes]
        with kernel_body(parameters_of(self)) as (builder, buffers):
            strides = element_strides(extents), tuple(axis.stride for axis in axes)
            self.copy(buffers["out0"], buffers["in0"], extents, strides)
        return builder.get()


class _Rows(_Rearrange, RowKernel):
    """Row by row, where rows are made of rows; see :func:`tvm_patch.rearrangement.row_form`."""

    @classmethod
    def form(cls, op: Operator) -> RowForm | None:
        """Return how rows are made, None where they are made of too many."""
        return row_form(_axes(op), op.inputs[0].shape, op.outputs[0].shape)

    def copy_row(
        self, out: Buffer, data: Buffer, offsets: tuple[int | Expr, int | Expr], columns: Expr | None
    ) -> None:
        """Emit the copying of what an output row has of an input row."""
        form, row = self.form(self.op), math.prod(self.op.inputs[0].shape[2:])
        assert form is not None
        axes = [*form.columns, *form.channels]
        extents: list[int | Expr] = [1 if axis.stride >= row else axis.extent for axis in axes]
        if columns is not None:
            extents[0] = columns
        strides = element_strides([axis.extent for axis in axes])
        self.copy(out, data, extents, (strides, tuple(axis.stride for axis in axes)), offsets)


@register
class RearrangeRows(_Rows):
    """A row is made of one row or of a few."""

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take pictures of which no two rows are made of the same one."""
        form = cls.form(op)
        return form is not None and form.divisor == 1

    @property
    def _columns(self) -> int | None:
        """How many columns of the input, beside each other, a column is made of; None where it is made of others."""
        (_, _, width, channels), made = self.op.inputs[0].shape, self.op.outputs[0].shape[2]
        form = self.form(self.op)
        assert form is not None
        along = (Axis(made, width // made * channels),) if made > 1 else ()
        return width // made if width % made == 0 and form.columns == along else None

    @property
    def bandable(self) -> bool:
        """Where a column is made of columns beside each other."""
        return self._columns is not None

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """Rows below each other, that nobody else reads."""
        form, columns, width = self.form(self.op), self._columns, self.op.inputs[0].shape[2]
        assert form is not None
        step, reach = (0, width) if columns is None else (columns, columns)
        return (RowWindow(form.rows, form.rows, column_stride=step, column_reach=reach),)

    def attrs_for(self, columns: int) -> Mapping[str, Any]:
        """Return the attributes that rearrange as many columns of each block."""
        form, step = self.form(self.op), self._columns
        assert form is not None
        assert step is not None
        _, height, width, channels = self.op.inputs[0].shape
        row, narrow = width * channels, columns * step * channels
        axes = [Axis(height // form.rows, form.rows * narrow), Axis(columns, step * channels)]
        axes += [replace(a, stride=narrow) if a.stride == row else a for a in form.channels]
        split, order = as_split(axes)
        _, made, _, depth = self.op.outputs[0].shape
        return {"split": split, "order": order, "shape": [1, made, columns, depth]}

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        form, row = self.form(self.op), math.prod(self.op.inputs[0].shape[2:])
        assert form is not None
        axes = (*form.columns, *form.channels)
        strides = element_strides([axis.extent for axis in axes])
        below = next((s for s, axis in zip(strides, axes, strict=True) if axis.stride >= row), 0)
        with row_body(self, dynamic) as (builder, buffers, columns):
            for i in range(form.rows):
                self.copy_row(buffers["out"], buffers[f"in0_row{i}"], (i * below, 0), columns)
        return builder.get()


@register
class RearrangePartOfRow(_Rows):
    """Several rows are parts of one."""

    rank = 2
    numbered = True

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take pictures with more rows than their source has."""
        form = cls.form(op)
        return form is not None and form.divisor > 1

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row, whole."""
        form, width = self.form(self.op), self.op.inputs[0].shape[2]
        assert form is not None
        return (RowWindow(column_stride=0, column_reach=width, inside=True, divisor=form.divisor),)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        form = self.form(self.op)
        assert form is not None
        with row_body(self, dynamic) as (builder, buffers, _):
            start = bind("start", T.truncmod(buffers["row"], form.divisor) * form.phase_stride)
            self.copy_row(buffers["out"], buffers["in0_row0"], (0, start), None)
        return builder.get()
