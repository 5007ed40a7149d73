"""DEPTHWISE_CONV_2D: any kernel size, stride, dilation and channel multiplier."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import ClassVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.conv2d import convolution_window
from tvm_patch.kernels.ir import accumulate, for_columns, int32_at, row_body, tiles
from tvm_patch.kernels.named import array, bind
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize import Requantizer, store_int8
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.targets import DataMemory
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


@register
class DepthwiseConv2d(RowKernel):
    """One output row, output by output.  Weights stay as in the model."""

    kinds = ("depthwise_conv2d",)
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
        return self.requantizer_type.make(self.op, weight.reshape(-1, weight.shape[3]).T)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The weights as in the model (1HWO) and the rescaling."""
        return {"weight": self.op.constants["weight"], **self.requantizer.constants}

    @property
    def macs(self) -> int:
        """Multiply-accumulates, padding included."""
        _, kernel_h, kernel_w, _ = self.op.constants["weight"].shape
        return int(self.op.outputs[0].size * kernel_h * kernel_w)

    def constant_reads(self, memory: DataMemory, *, alone: bool) -> int:
        """Return one for all rows where what a row takes stays in the cache, otherwise one a row."""
        _, height, width, channels = self.op.outputs[0].shape
        window, taken = self.windows[0], sum(a.nbytes for a in self.constants.values())
        if memory.ram_line:
            columns = (width - 1) * window.column_stride + window.column_reach
            taken += (
                width * channels + window.size * columns * self.op.inputs[0].shape[3] + self.scratch_bytes
            )
        return 1 if taken <= memory.cache else height

    @property
    def channel_multiplier(self) -> int:
        """Output channels per input channel."""
        return self.op.outputs[0].shape[3] // self.op.inputs[0].shape[3]

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the row function; see :class:`RowKernel`."""
        with row_body(self, dynamic) as (builder, buffers, columns):
            rows = [buffers[f"in0_row{r}"] for r in range(self.windows[0].size)]
            self.emit(rows, buffers, columns)
        return builder.get()

    def emit(self, rows: list[Buffer], buffers: dict[str, Buffer], columns: Expr | None) -> None:
        """Emit the computation of one output row."""
        requantizer = self.requantizer
        _, _, width, out_channels = self.op.outputs[0].shape
        in_channels, multiplier = self.op.inputs[0].shape[3], self.channel_multiplier
        kernel_w = self.op.constants["weight"].shape[2]
        stride, dilation = int(self.op.attrs["strides"][1]), int(self.op.attrs["dilation"][1])
        acc = array("acc", 1)
        with ExitStack() as stack:
            source = stack.enter_context(tiles(in_channels, 1))
            channel = bind("channel", source * multiplier + stack.enter_context(tiles(multiplier, 1)))
            pair = requantizer.load(buffers, channel)

            def output(column: Expr, _: int) -> None:
                T.buffer_store(acc, buffers["bias"][channel], [0])
                for r, row in enumerate(rows):
                    with tiles(kernel_w, 1) as k:
                        x = int32_at(row, (column * stride + k * dilation) * in_channels + source)
                        w = int32_at(buffers["weight"], (r * kernel_w + k) * out_channels + channel)
                        accumulate(acc, 0, x * w, requantizer.wraps)
                value = requantizer.emit(acc[0], *pair)
                store_int8(buffers["out"], column * out_channels + channel, value)

            for_columns(width, 1, columns, output)
