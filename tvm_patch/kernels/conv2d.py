"""CONV_2D: any kernel size, stride, dilation and number of groups."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from tvm_patch.kernels.base import OpView, RowKernel
from tvm_patch.kernels.dot import ONE, DotLayer, emit_dot_row
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize import Requantizer
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


def convolution_window(op: OpView, kernel_size: tuple[int, int]) -> RowWindow:
    """Return the window of a convolution: padding columns just as far as the last output column reads."""
    top, left, _, _ = (int(v) for v in op.attrs["padding"])
    stride_h, stride_w = (int(v) for v in op.attrs["strides"])
    dilation_h, dilation_w = (int(v) for v in op.attrs["dilation"])
    reach = (kernel_size[1] - 1) * dilation_w + 1
    read = (op.outputs[0].shape[2] - 1) * stride_w + reach
    return RowWindow(
        size=kernel_size[0],
        stride=stride_h,
        dilation=dilation_h,
        pad_before=top,
        columns_before=left,
        columns_after=max(0, read - left - op.inputs[0].shape[2]),
        pad_value=int(op.attrs["input_zero_point"]),
        column_stride=stride_w,
        column_reach=reach,
    )


@register
class Conv2d(RowKernel):
    """One output row, output by output; each kernel row is one run of neighbouring inputs."""

    kinds = ("conv2d",)
    requantizer_type: ClassVar[type[Requantizer]] = Requantizer

    @classmethod
    def accepts(cls, op: OpView) -> bool:
        """Take any batch-1 convolution."""
        return op.inputs[0].shape[0] == 1

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """The rows under the kernel."""
        _, kernel_h, kernel_w, _ = self.op.constants["weight"].shape
        return (convolution_window(self.op, (kernel_h, kernel_w)),)

    @cached_property
    def requantizer(self) -> Requantizer:
        """Bias and rescaling."""
        weight = self.op.constants["weight"]
        return self.requantizer_type.make(self.op, weight.reshape(weight.shape[0], -1))

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The weights as in the model (OHWI) and the rescaling."""
        return {"weight": self.op.constants["weight"], **self.requantizer.constants}

    @property
    def macs(self) -> int:
        """Multiply-accumulates, padding included."""
        weight = self.op.constants["weight"]
        return self.op.outputs[0].size * int(weight.size // weight.shape[0])

    @property
    def layer(self) -> DotLayer:
        """The convolution as dot products."""
        out_channels, _, kernel_w, group_in = self.op.constants["weight"].shape
        in_channels = self.op.inputs[0].shape[3]
        groups = in_channels // group_in
        dilation = int(self.op.attrs["dilation"][1])
        joined = kernel_w == 1 or (groups == 1 and dilation == 1)
        return DotLayer(
            columns=self.op.outputs[0].shape[2],
            channels=out_channels // groups,
            column_step=int(self.op.attrs["strides"][1]) * in_channels,
            run=kernel_w * group_in if joined else group_in,
            pieces=1 if joined else kernel_w,
            piece_step=dilation * in_channels,
            groups=groups,
            group_step=group_in,
        )

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the row function; see :class:`RowKernel`."""
        with row_body(self, dynamic) as (builder, buffers, columns):
            rows = [buffers[f"in0_row{r}"] for r in range(self.windows[0].size)]
            self.emit(rows, buffers, columns)
        return builder.get()

    def emit(self, rows: list[Buffer], buffers: dict[str, Buffer], columns: Expr | None) -> None:
        """Emit the computation of one output row."""
        emit_dot_row(self.layer, ONE, self.requantizer, rows, buffers, columns)
