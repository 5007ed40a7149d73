"""Slicing of rows, columns and channels, row by row: rows that it skips are never copied."""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import copy_elements
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.strided_slice import StridedSlice
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tvm_types import PrimFunc

_ROWS, _COLUMNS, _CHANNELS = 1, 2, 3


@dataclass(frozen=True)
class _Step:
    """Where an axis is read: from `first` on, every `step`-th."""

    first: int = 0
    step: int = 1


def _steps(op: Operator) -> dict[int, _Step]:
    attrs, shape = op.attrs, op.inputs[0].shape
    axes = [int(a) % len(shape) for a in attrs["axes"]]
    steps = [int(s) for s in attrs.get("strides") or [1] * len(axes)]
    begin = [int(b) for b in attrs["begin"]]
    return {
        axis: _Step(slice(first, None, step).indices(shape[axis])[0], step)
        for axis, first, step in zip(axes, begin, steps, strict=True)
    }


@register
class SliceRows(RowKernel):
    """Copies what is left of a row; which row it is, is for its window to say."""

    kinds = StridedSlice.kinds

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take NHWC with batch 1 whose rows and columns are read forward."""
        shape, out = op.inputs[0].shape, op.outputs[0].shape
        if len(shape) != 4 or len(out) != 4 or shape[0] != 1 or out[0] != 1 or min(out) < 1:
            return False
        steps = _steps(op)
        return all(steps.get(axis, _Step()).step > 0 for axis in (_ROWS, _COLUMNS))

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row of the input, and a column of it for each of the output."""
        steps = _steps(self.op)
        rows, columns = (steps.get(axis, _Step()) for axis in (_ROWS, _COLUMNS))
        window = RowWindow(
            stride=rows.step,
            pad_before=-rows.first,
            columns_before=-columns.first,
            column_stride=columns.step,
        )
        return (window,)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        steps = _steps(self.op)
        columns_, channels_ = (steps.get(axis, _Step()) for axis in (_COLUMNS, _CHANNELS))
        _, _, width, channels = self.op.outputs[0].shape
        depth = self.op.inputs[0].shape[3]
        with row_body(self, dynamic) as (builder, buffers, columns):
            copy_elements(
                buffers["out"],
                buffers["in0_row0"],
                (width if columns is None else columns, channels),
                out_strides=(channels, 1),
                data_strides=(columns_.step * depth, channels_.step),
                offsets=(0, channels_.first),
            )
        return builder.get()
