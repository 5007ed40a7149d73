"""Maximum pooling; padding is the least int8 value, which never wins."""

from __future__ import annotations

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel, TensorKernel
from tvm_patch.kernels.fixed_point import clamp
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import element_strides, kernel_body, parameters_of
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.pooling import PoolGeometry, reduce_window
from tvm_patch.kernels.registry import register
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T
from tvm_patch.tvm_types import PrimFunc

_LEAST = -128
_MOST_ROWS = 32
"""Row kernels take one pointer per window row; taller windows go through the tensor kernel."""


@register
class MaxPool2dTensor(TensorKernel):
    """Any batch and window; clips the window to the tensor."""

    kinds = ("max_pool2d",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        g = PoolGeometry.of(self.op)
        (in_batch, in_row, in_column, _), (out_batch, out_row, out_column, _) = (
            element_strides(t.shape) for t in (self.op.inputs[0], self.op.outputs[0])
        )
        low, high = int(self.op.attrs["act_min"]), int(self.op.attrs["act_max"])
        with kernel_body(parameters_of(self)) as (builder, buffers):
            data, out = buffers["in0"], buffers["out0"]
            best = array("best", 1)
            with loop("batch", 0, self.op.inputs[0].shape[0]) as b, loop("y", 0, g.out_hw[0]) as y:
                top = T.max(y * g.strides[0] - g.padding[0], 0)
                bottom = T.min(y * g.strides[0] - g.padding[0] + g.size[0], g.in_hw[0])
                with loop("x", 0, g.out_hw[1]) as x:
                    left = T.max(x * g.strides[1] - g.padding[1], 0)
                    right = T.min(x * g.strides[1] - g.padding[1] + g.size[1], g.in_hw[1])
                    with loop("channel", 0, g.channels) as c:
                        T.buffer_store(best, _LEAST, [0])
                        with loop("i", top, bottom) as i, loop("j", left, right) as j:
                            index = b * in_batch + i * in_row + j * in_column + c
                            T.buffer_store(
                                best, T.max(bind("most", best[0]), T.cast(data[index], "int32")), [0]
                            )
                        T.buffer_store(
                            out,
                            clamp(bind("most", best[0]), low, high),
                            [b * out_batch + y * out_row + x * out_column + c],
                        )
        return builder.get()


@register
class MaxPool2dRow(RowKernel):
    """Batch 1, any padding."""

    kinds = ("max_pool2d",)

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take batch 1."""
        return op.inputs[0].shape[0] == 1 and PoolGeometry.of(op).size[0] <= _MOST_ROWS

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """The pool's rows and padding columns."""
        g = PoolGeometry.of(self.op)
        return (
            RowWindow(
                size=g.size[0],
                stride=g.strides[0],
                pad_before=g.padding[0],
                columns_before=g.padding[1],
                columns_after=g.columns_after,
                pad_value=_LEAST,
                column_stride=g.strides[1],
                column_reach=g.size[1],
            ),
        )

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        g = PoolGeometry.of(self.op)
        low, high = int(self.op.attrs["act_min"]), int(self.op.attrs["act_max"])
        with row_body(self, dynamic) as (builder, buffers, columns):
            rows = [buffers[f"in0_row{j}"] for j in range(g.size[0])]
            width = g.out_hw[1] if columns is None else columns
            with loop("x", 0, width) as x, loop("channel", 0, g.channels) as c:
                start = x * (g.strides[1] * g.channels) + c
                best = reduce_window(rows, start, g.size[1], g.channels, first=_LEAST, combine=T.max)
                T.buffer_store(buffers["out"], clamp(best, low, high), [x * g.channels + c])
        return builder.get()
