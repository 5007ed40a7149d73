"""TRANSPOSE_CONV, gathered: every output collects the patches that reach it, so that no int32 canvas is needed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowKernel
from tvm_patch.kernels.dot import ONE, EmitDot, TileSize, emit_dot
from tvm_patch.kernels.ir import row_body, tiles
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize import Requantizer, store_int8
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tir import T, tirx
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


@dataclass(frozen=True)
class _Reach:
    """What reaches an output along one axis: for `count` numbers j from `begin` on, input ``nearest - j``.

    It goes through kernel tap ``first + j * stride``.  What is the same for all outputs is a number.
    """

    first: Expr
    nearest: Expr
    begin: Expr | int
    count: Expr | int


@dataclass(frozen=True)
class _Axis:
    """One axis of a transposed convolution: output o is reached by input i through kernel tap o + pad - i * stride."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    pad: int

    @property
    def most(self) -> int:
        """How many inputs reach an output at most."""
        return -(-self.kernel // self.stride)

    @cached_property
    def _all(self) -> tuple[np.ndarray, np.ndarray]:
        """``begin`` and ``count`` of every output."""
        nearest, first = np.divmod(np.arange(self.outputs) + self.pad, self.stride)
        begin = np.maximum(nearest - (self.inputs - 1), 0)
        taps = (self.kernel - 1 + self.stride - first) // self.stride
        return begin, np.maximum(np.minimum(nearest + 1, taps) - begin, 0)

    def reached_by(self, j: int) -> np.ndarray:
        """Tell of every output whether number `j` reaches it."""
        begin, count = self._all
        reached: np.ndarray = (begin <= j) & (j < begin + count)
        return reached

    def reach(self, position: Expr) -> _Reach:
        """Emit what reaches an output."""
        begins, counts = self._all
        reached = bind("reached", position + self.pad)
        nearest = bind("nearest", T.floordiv(reached, T.int32(self.stride)))
        first = bind("first", reached - nearest * self.stride)
        begin: Expr | int = 0
        if begins.any():
            begin = bind("begin", T.max(nearest - (self.inputs - 1), T.int32(0)))
        if len(set(counts.tolist())) == 1:
            return _Reach(first, nearest, begin, int(counts[0]))
        taps = T.floordiv(T.int32(self.kernel - 1 + self.stride) - first, T.int32(self.stride))
        count = bind("count", T.max(T.min(nearest + 1, taps) - begin, T.int32(0)))
        return _Reach(first, nearest, begin, count)


@register
class TransposeConv2d(RowKernel):
    """Outputs one pixel at a time; each (tap, input pixel) pair is a dot product.

    How many taps meet an output depends on its place, so the input's zero point is subtracted from the data
    instead of being folded into the bias, and a row function has to know which row it makes.
    """

    kinds = ("transpose_conv2d",)
    numbered = True
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

    @cached_property
    def _axes(self) -> tuple[_Axis, _Axis]:
        """Rows and columns."""
        data, out = self.op.inputs[0].shape[1:3], self.op.outputs[0].shape[1:3]
        kernel, padding = self.op.constants["weight"].shape[1:3], self.op.attrs["padding"][:2]
        strides = self.op.attrs["strides"]
        rows, columns = (
            _Axis(data[a], out[a], kernel[a], int(strides[a]), int(padding[a])) for a in range(2)
        )
        return rows, columns

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """The rows that reach a row, whole: the nearest one is the last, those that do not exist are not read."""
        rows, columns = self._axes
        window = RowWindow(
            size=rows.most,
            pad_before=rows.most - 1 - rows.pad // rows.stride,
            column_stride=0,
            column_reach=columns.inputs,
            inside=True,
            divisor=rows.stride,
            phase=rows.pad % rows.stride,
        )
        return (window,)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        (rows, columns), requantizer = self._axes, self.requantizer
        out_channels = self.op.outputs[0].shape[3]
        width = min(self.tile.channels, out_channels)
        with row_body(self, dynamic) as (builder, buffers, _):
            down = rows.reach(buffers["row"])
            acc = array("acc", width)
            with tiles(columns.outputs, 1) as x:
                across = columns.reach(x)
                with tiles(out_channels, width) as channel:
                    for t in range(width):
                        T.buffer_store(acc, buffers["bias"][channel + t], [t])
                    self._sum(acc, buffers, channel, down, across)
                    for t in range(width):
                        pair = requantizer.load(buffers, channel + t)
                        value = requantizer.emit(acc[t], *pair)
                        store_int8(buffers["out"], x * out_channels + channel + t, value)
        return builder.get()

    def _sum(
        self, acc: Buffer, buffers: dict[str, Buffer], channel: Expr, down: _Reach, across: _Reach
    ) -> None:
        """Emit what the inputs that reach a pixel add to the sums of some of its channels, row by row."""
        rows, columns = self._axes
        _, kernel_h, kernel_w, depth = self.op.constants["weight"].shape
        per_channel, zero_point = kernel_h * kernel_w * depth, int(self.op.attrs["input_zero_point"])
        tap = bind("tap", down.first * kernel_w + across.first + across.begin * columns.stride)
        first = bind("first_taps", tap * depth + channel * per_channel)
        nearest = bind("first_pixel", (across.nearest - across.begin) * depth)
        for j in range(rows.most):
            reached = rows.reached_by(j)
            if not reached.any():
                continue
            data = buffers[f"in0_row{rows.most - 1 - j}"]
            with ExitStack() as stack:
                if not reached.all():
                    conditions = (down.begin <= j, down.begin + down.count > j)
                    there = tirx.all(*(c for c in conditions if not isinstance(c, bool)))
                    stack.enter_context(T.If(there))
                    stack.enter_context(T.Then())
                one = isinstance(across.count, int) and across.count == 1
                i = T.int32(0) if one else stack.enter_context(loop("i", 0, across.count))
                taps = bind("taps", first + (j * rows.stride * kernel_w + i * columns.stride) * depth)
                pixel = bind("pixel", nearest - i * depth)
                weights = [(buffers["weight"], taps + t * per_channel) for t in range(int(acc.shape[0]))]
                self.dot(acc, weights, [(data, pixel)], depth, self.tile, self.requantizer.wraps, zero_point)
