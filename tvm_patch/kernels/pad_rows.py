"""Padding of rows and columns, row by row: what a row buffer holds around a tensor becomes part of it."""

from __future__ import annotations

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import copy_elements
from tvm_patch.kernels.pad import Pad
from tvm_patch.kernels.registry import register
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tvm_types import PrimFunc


@register
class PadRows(RowKernel):
    """Copies a row of the buffer, whose padding is that of the operator."""

    kinds = Pad.kinds
    rank = 2

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take NHWC of bytes with batch 1, of which rows or columns grow."""
        tensor = op.outputs[0]
        widths = [int(w) for w in op.attrs["pad_width"]]
        if len(tensor.shape) != 4 or tensor.shape[0] != 1 or tensor.dtype not in ("int8", "uint8"):
            return False
        info, value = np.iinfo(tensor.dtype), int(op.attrs["pad_value"])
        grows = any(widths[2:6]) and not any((*widths[:2], *widths[6:]))
        return grows and min(widths) >= 0 and info.min <= value <= info.max

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row, with the padding around it."""
        top, _, left, right = (int(w) for w in self.op.attrs["pad_width"][2:6])
        value = int(self.op.attrs["pad_value"])
        if self.op.outputs[0].dtype == "uint8":
            value = int(np.array(value, np.uint8).astype(np.int8))
        return (RowWindow(pad_before=top, columns_before=left, columns_after=right, pad_value=value),)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        _, _, width, channels = self.op.outputs[0].shape
        with row_body(self, dynamic) as (builder, buffers, columns):
            count = (width if columns is None else columns) * channels
            copy_elements(buffers["out"], buffers["in0_row0"], (count,), out_strides=(1,), data_strides=(1,))
        return builder.get()
