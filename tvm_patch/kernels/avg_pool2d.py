"""Average pooling: the mean of the window's elements inside the tensor, rounded half away from zero."""

from __future__ import annotations

import operator
from typing import Any

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
from tvm_patch.tvm_types import Expr, PrimFunc

_MOST_ROWS = 32
"""Row kernels take one pointer per window row; taller windows go through the tensor kernel."""


def divide_rounding(total: Expr, count: Any) -> Expr:
    """Return ``total / count`` rounded to nearest, halves away from zero, as the reference computes it."""
    half = T.truncdiv(count, 2) if not isinstance(count, int) else count // 2
    return T.truncdiv(T.Select(total > 0, total + half, total - half), count)


@register
class AvgPool2dTensor(TensorKernel):
    """Any padding and batch; counts the elements inside the tensor at run time."""

    kinds = ("avg_pool2d",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        g = PoolGeometry.of(self.op)
        (in_batch, in_row, in_column, _), (out_batch, out_row, out_column, _) = (
            element_strides(t.shape) for t in (self.op.inputs[0], self.op.outputs[0])
        )
        low, high = int(self.op.attrs["act_min"]), int(self.op.attrs["act_max"])
        with kernel_body(parameters_of(self)) as (builder, buffers):
            data, out = buffers["in0"], buffers["out0"]
            total = array("total", 1)
            with loop("batch", 0, self.op.inputs[0].shape[0]) as b, loop("y", 0, g.out_hw[0]) as y:
                top = T.max(y * g.strides[0] - g.padding[0], 0)
                bottom = T.min(y * g.strides[0] - g.padding[0] + g.size[0], g.in_hw[0])
                with loop("x", 0, g.out_hw[1]) as x:
                    left = T.max(x * g.strides[1] - g.padding[1], 0)
                    right = T.min(x * g.strides[1] - g.padding[1] + g.size[1], g.in_hw[1])
                    count = (bottom - top) * (right - left)
                    with loop("channel", 0, g.channels) as c:
                        T.buffer_store(total, 0, [0])
                        with loop("i", top, bottom) as i, loop("j", left, right) as j:
                            index = b * in_batch + i * in_row + j * in_column + c
                            T.buffer_store(total, total[0] + T.cast(data[index], "int32"), [0])
                        mean = divide_rounding(bind("sum", total[0]), count)
                        T.buffer_store(
                            out, clamp(mean, low, high), [b * out_batch + y * out_row + x * out_column + c]
                        )
        return builder.get()


@register
class AvgPool2dRow(RowKernel):
    """Windows that stay inside the tensor, so that the divisor is one literal."""

    kinds = ("avg_pool2d",)

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take batch 1 without padding."""
        g = PoolGeometry.of(op)
        return op.inputs[0].shape[0] == 1 and not g.reads_outside and g.size[0] <= _MOST_ROWS

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """The pool's rows."""
        g = PoolGeometry.of(self.op)
        return (
            RowWindow(
                size=g.size[0], stride=g.strides[0], column_stride=g.strides[1], column_reach=g.size[1]
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
                total = reduce_window(rows, start, g.size[1], g.channels, first=0, combine=operator.add)
                mean = divide_rounding(total, g.taps)
                T.buffer_store(buffers["out"], clamp(mean, low, high), [x * g.channels + c])
        return builder.get()
