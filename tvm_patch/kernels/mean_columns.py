"""Mean over the columns of NHWC, row by row: the first half of a squeeze that some converters write as two means."""

from __future__ import annotations

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.fixed_point import clamp_shifted, multiply_by_quantized_multiplier
from tvm_patch.kernels.ir import int32_at, row_body
from tvm_patch.kernels.mean import Mean
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_SUM_LIMIT = 1 << 31


@register
class MeanColumns(RowKernel):
    """One output column, the mean of a row."""

    kinds = Mean.kinds
    multiply = staticmethod(multiply_by_quantized_multiplier)
    """Emits a fixed-point multiplication."""

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take NHWC with batch 1, axis 2 alone, kept, of the known formula."""
        data, out = op.inputs[0], op.outputs[0]
        return (
            len(data.shape) == len(out.shape) == 4
            and data.shape[0] == 1
            and data.dtype == "int8"
            and {int(a) % 4 for a in op.attrs["axes"]} == {2}
            and op.attrs["formula"] == "folded"
            and data.shape[2] * 256 < _SUM_LIMIT
        )

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row, all of it."""
        width = self.op.inputs[0].shape[2]
        return (RowWindow(column_stride=width, column_reach=width),)

    @property
    def bandable(self) -> bool:
        """Not so: there is one column."""
        return False

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        with row_body(self, dynamic) as (builder, buffers, _):
            self.emit_channels(buffers["in0_row0"], buffers["out"], 0)
        return builder.get()

    def emit_channels(self, row: Buffer, out: Buffer, start: int) -> None:
        """Emit the means of the channels from `start` on, one at a time."""
        _, _, width, channels = self.op.inputs[0].shape
        total = array("total", 1)
        with loop("channel", start, channels) as c:
            T.buffer_store(total, 0, [0])
            with loop("x", 0, width) as x:
                value = bind("value", int32_at(row, x * channels + c))
                T.buffer_store(total, total[0] + value, [0])
            self.store(out, c, bind("sum", total[0]))

    def store(self, out: Buffer, channel: Expr, total: Expr) -> None:
        """Emit the store of a channel's mean, from its sum."""
        attrs, count = self.op.attrs, self.op.inputs[0].shape[2]
        centred = bind("centred", total - count * int(attrs["input_zero_point"]))
        mean = self.multiply(centred, int(attrs["multiplier"]), int(attrs["shift"]), 256 * count)
        T.buffer_store(out, clamp_shifted(mean, int(attrs["output_zero_point"]), -128, 127), [channel])
