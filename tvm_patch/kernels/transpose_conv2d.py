"""TRANSPOSE_CONV, gathered: every output collects the patches that reach it, so that no int32 canvas is needed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.dot import ONE, EmitDot, TileSize, emit_dot
from tvm_patch.kernels.ir import tiles
from tvm_patch.kernels.loops import kernel_body, parameters_of
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize import Requantizer, store_int8
from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr, PrimFunc


@dataclass(frozen=True)
class _Axis:
    """One axis of a transposed convolution: output o is reached by input i through kernel tap o + pad - i * stride."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    pad: int

    def reach(self, position: Expr) -> tuple[Expr, Expr, Expr, Expr]:
        """Emit what reaches an output: first tap, input at the first tap, first and last + 1 of the count.

        Count j stands for tap ``first + j * stride`` and input ``nearest - j``.
        """
        reached = bind("reached", position + self.pad)
        nearest = bind("nearest", T.floordiv(reached, T.int32(self.stride)))
        first = bind("first", reached - nearest * self.stride)
        taps = T.floordiv(T.int32(self.kernel - 1 + self.stride) - first, T.int32(self.stride))
        begin = bind("begin", T.max(nearest - (self.inputs - 1), T.int32(0)))
        end = bind("end", T.max(T.min(nearest + 1, taps), begin))
        return first, nearest, begin, end


@register
class TransposeConv2d(TensorKernel):
    """Outputs one pixel at a time; each (tap, input pixel) pair is a dot product.

    How many taps meet an output depends on its place, so the input's zero point is subtracted from the data
    instead of being folded into the bias.
    """

    kinds = ("transpose_conv2d",)
    requantizer_type: ClassVar[type[Requantizer]] = Requantizer
    dot: ClassVar[EmitDot] = staticmethod(emit_dot)

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take batch 1."""
        return op.inputs[0].shape[0] == 1

    @cached_property
    def requantizer(self) -> Requantizer:
        """Bias and rescaling."""
        weight = self.op.constants["weight"]
        flat = weight.reshape(weight.shape[0], -1)
        return self.requantizer_type.make(self.op, flat, fold_zero_point=False, partial=True)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The weights as in the model (OHWI) and the rescaling."""
        return {"weight": self.op.constants["weight"], **self.requantizer.constants}

    @property
    def macs(self) -> int:
        """Multiply-accumulates, the ones cut off at the borders included."""
        return self.op.inputs[0].size * (self.op.constants["weight"].size // self.op.inputs[0].shape[3])

    @property
    def tile(self) -> TileSize:
        """How many channels are made at once, and how."""
        return ONE

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        attrs, requantizer = self.op.attrs, self.requantizer
        out_channels, kernel_h, kernel_w, in_channels = self.op.constants["weight"].shape
        _, in_h, in_w, _ = self.op.inputs[0].shape
        _, out_h, out_w, _ = self.op.outputs[0].shape
        top, left, _, _ = (int(v) for v in attrs["padding"])
        stride_h, stride_w = (int(v) for v in attrs["strides"])
        rows = _Axis(in_h, out_h, kernel_h, stride_h, top)
        columns = _Axis(in_w, out_w, kernel_w, stride_w, left)
        tile = self.tile
        width = min(tile.channels, out_channels)
        per_channel = kernel_h * kernel_w * in_channels
        with kernel_body(parameters_of(self)) as (builder, buffers):
            data, weight, out = buffers["in0"], buffers["weight"], buffers["out0"]
            acc = array("acc", width)
            with ExitStack() as stack:
                y = stack.enter_context(tiles(out_h, 1))
                first_y, nearest_y, begin_y, end_y = rows.reach(y)
                x = stack.enter_context(tiles(out_w, 1))
                first_x, nearest_x, begin_x, end_x = columns.reach(x)
                channel = stack.enter_context(tiles(out_channels, width))
                for t in range(width):
                    T.buffer_store(acc, buffers["bias"][channel + t], [t])
                with loop("j", begin_y, end_y) as j, loop("i", begin_x, end_x) as i:
                    tap = (first_y + j * stride_h) * kernel_w + first_x + i * stride_w
                    taps = bind("taps", tap * in_channels + channel * per_channel)
                    pixel = bind("pixel", ((nearest_y - j) * in_w + nearest_x - i) * in_channels)
                    weights = [(weight, taps + t * per_channel) for t in range(width)]
                    zero_point = int(attrs["input_zero_point"])
                    self.dot(acc, weights, [(data, pixel)], in_channels, tile, requantizer.wraps, zero_point)
                for t in range(width):
                    pair = requantizer.load(buffers, channel + t)
                    value = requantizer.emit(acc[t], *pair)
                    store_int8(out, (y * out_w + x) * out_channels + channel + t, value)
        return builder.get()
