"""Padding of the channels alone, row by row: residuals of blocks that change their channels."""

from __future__ import annotations

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import copy_elements, nest
from tvm_patch.kernels.pad import Pad
from tvm_patch.kernels.registry import register
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T
from tvm_patch.tvm_types import PrimFunc


@register
class PadChannels(RowKernel):
    """Copies the channels of every column between the padding before and after them."""

    kinds = Pad.kinds

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take NHWC with batch 1 of which only axis 3 grows."""
        shape = op.outputs[0].shape
        widths = [int(w) for w in op.attrs["pad_width"]]
        return len(shape) == 4 and shape[0] == 1 and not any(widths[:6])

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row."""
        return (RowWindow(),)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        before, after = (int(w) for w in self.op.attrs["pad_width"][6:])
        _, _, width, channels = self.op.inputs[0].shape
        step = before + channels + after
        with row_body(self, dynamic) as (builder, buffers, columns):
            count = width if columns is None else columns
            out = buffers["out"]
            value = T.cast(self.op.attrs["pad_value"], self.op.outputs[0].dtype)
            for start, size in ((0, before), (before + channels, after)):
                if size:
                    with nest((count, size), ((step, 1),), (start,)) as (index,):
                        T.buffer_store(out, value, [index])
            copy_elements(
                out,
                buffers["in0_row0"],
                (count, channels),
                out_strides=(step, 1),
                data_strides=(channels, 1),
                offsets=(before, 0),
            )
        return builder.get()
