"""CONV_2D: any kernel size, stride, dilation and number of groups."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.dot import ONE, DotLayer, emit_dot_row
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize import Requantizer
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.targets import DataMemory
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


def convolution_window(op: Operator) -> RowWindow:
    """Return the rows under a convolution's window: padding columns just as far as the last output column reads."""
    window = op.window
    assert window is not None, "a convolution has one"
    top, left, _, _ = window.padding
    stride, reach = window.stride, window.reach[1]
    read = (op.outputs[0].shape[2] - 1) * stride[1] + reach
    return RowWindow(
        size=window.kernel[0],
        stride=stride[0],
        dilation=window.dilation[0],
        pad_before=top,
        columns_before=left,
        columns_after=max(0, read - left - op.inputs[0].shape[2]),
        pad_value=int(op.attrs["input_zero_point"]),
        column_stride=stride[1],
        column_reach=reach,
    )


@register
class Conv2d(RowKernel):
    """One output row, output by output; each kernel row is one run of neighbouring inputs."""

    kinds = ("conv2d",)
    requantizer_type: ClassVar[type[Requantizer]] = Requantizer

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take any batch-1 convolution."""
        return op.inputs[0].shape[0] == 1

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """The rows under the kernel."""
        return (convolution_window(self.op),)

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

    def constant_reads(self, memory: DataMemory, *, alone: bool) -> int:
        """Return one for all rows where the constants stay in the cache, otherwise one a row, which is the least."""
        taken = sum(a.nbytes for a in self.constants.values())
        return 1 if taken <= memory.cache else self.op.outputs[0].shape[1]

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
