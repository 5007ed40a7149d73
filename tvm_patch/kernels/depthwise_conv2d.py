"""DEPTHWISE_CONV_2D: any kernel size, stride, dilation and channel multiplier."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import Any

import numpy as np
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels.base import Form, Kernel, OpView, Preference, PrimFunc, RowKernel, RowWindow
from tvm_patch.kernels.conv2d import convolution_window
from tvm_patch.kernels.ir import Buffer, Expr, accumulate, call, for_columns, int32_at, load4, row_body, tiles
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize import Requantizer, store_int8

_LANES = 4
_MULTIPLY = {("low", "low"): "tvmp_smlabb", ("low", "high"): "tvmp_smlabt", ("high", "high"): "tvmp_smlatt"}


@register
class DepthwiseConv2d(RowKernel):
    """One output row, four neighbouring channels at a time in the DSP form.

    Four channels of a tap are one word; two SXTB16 split it into the pairs of channels 0, 2 and 1, 3, which
    SMLABB and SMLATT multiply with the pairs of weights.  Weights stay as in the model: the four of a tap are
    neighbours as well.  With a channel multiplier the four output channels must share their input channel;
    where they do not, or there are fewer than four, outputs are computed one at a time.

    Parameters of `config`: ``tile_columns`` output columns share the unpacked weights of a tap; ``flatten`` is the
    widest kernel row that is unrolled.
    """

    kinds = ("depthwise_conv2d",)

    @classmethod
    def accepts(cls, op: OpView) -> bool:
        """Take any batch-1 convolution."""
        return op.inputs[0].shape[0] == 1

    @classmethod
    def default_config(cls, op: OpView) -> dict[str, Any]:
        """Return two columns: eight accumulators."""
        return {"tile_columns": 2, "flatten": 7}

    def candidates(self) -> list[dict[str, Any]]:
        """Return one to three columns, with loops over a kernel row and without."""
        return [{"tile_columns": n, "flatten": flatten} for n in (1, 2, 3) for flatten in (0, 7)]

    def preferring(self, preference: Preference) -> Kernel:
        """Return the kernel for one column at a time where code should be small."""
        small = {"tile_columns": 1, "flatten": 0}
        return type(self)(self.op, {**self.config, **small}) if preference == "size" else self

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """The rows under the kernel."""
        _, kernel_h, kernel_w, _ = self.op.constants["weight"].shape
        return (convolution_window(self.op, (kernel_h, kernel_w)),)

    @cached_property
    def requantizer(self) -> Requantizer:
        """Bias and rescaling."""
        weight = self.op.constants["weight"]
        return Requantizer.make(self.op, weight.reshape(-1, weight.shape[3]).T)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The weights as in the model (1HWO) and the rescaling."""
        return {"weight": self.op.constants["weight"], **self.requantizer.constants}

    @property
    def macs(self) -> int:
        """Multiply-accumulates, padding included."""
        _, kernel_h, kernel_w, _ = self.op.constants["weight"].shape
        return self.op.outputs[0].size * kernel_h * kernel_w

    @property
    def channel_multiplier(self) -> int:
        """Output channels per input channel."""
        return self.op.outputs[0].shape[3] // self.op.inputs[0].shape[3]

    def row_function(self, form: Form, dynamic: bool = False) -> PrimFunc:
        """Return the row function; see :class:`RowKernel`."""
        out_channels, multiplier = self.op.outputs[0].shape[3], self.channel_multiplier
        packed = form == "dsp" and out_channels >= _LANES and (multiplier == 1 or multiplier % _LANES == 0)
        with row_body(self, dynamic) as (builder, buffers, columns):
            rows = [buffers[f"in0_row{r}"] for r in range(self.windows[0].size)]
            if packed:
                self._emit_packed(rows, buffers, columns)
            else:
                self._emit_single(form, rows, buffers, columns)
        return builder.get()

    def _emit_single(
        self, form: Form, rows: list[Buffer], buffers: dict[str, Buffer], columns: Expr | None
    ) -> None:
        requantizer = self.requantizer
        _, _, width, out_channels = self.op.outputs[0].shape
        in_channels, multiplier = self.op.inputs[0].shape[3], self.channel_multiplier
        kernel_w = self.op.constants["weight"].shape[2]
        stride, dilation = int(self.op.attrs["strides"][1]), int(self.op.attrs["dilation"][1])
        acc = T.alloc_buffer((1,), "int32")
        with ExitStack() as stack:
            source = stack.enter_context(tiles(in_channels, 1))
            channel = T.bind(source * multiplier + stack.enter_context(tiles(multiplier, 1)))
            pair = requantizer.load(buffers, channel)

            def output(column: Expr, _: int) -> None:
                T.buffer_store(acc, buffers["bias"][channel], [0])
                for r, row in enumerate(rows):
                    with tiles(kernel_w, 1) as k:
                        x = int32_at(row, (column * stride + k * dilation) * in_channels + source)
                        w = int32_at(buffers["weight"], (r * kernel_w + k) * out_channels + channel)
                        accumulate(acc, 0, x * w, requantizer.wraps)
                value = requantizer.emit(form, acc[0], *pair)
                store_int8(buffers["out"], column * out_channels + channel, value)

            for_columns(width, 1, columns, output)

    def _emit_packed(self, rows: list[Buffer], buffers: dict[str, Buffer], columns: Expr | None) -> None:
        requantizer = self.requantizer
        _, _, width, out_channels = self.op.outputs[0].shape
        in_channels, multiplier = self.op.inputs[0].shape[3], self.channel_multiplier
        kernel_w = self.op.constants["weight"].shape[2]
        stride, dilation = int(self.op.attrs["strides"][1]), int(self.op.attrs["dilation"][1])
        tile = min(self.config["tile_columns"], width)
        acc = T.alloc_buffer((tile * _LANES,), "int32")

        with ExitStack() as stack:
            # The last four channels overlap the ones before where four does not divide their number.
            channel = stack.enter_context(tiles(out_channels, _LANES))
            source = channel if multiplier == 1 else T.bind(T.floordiv(channel, T.int32(multiplier)))
            pairs = [requantizer.load(buffers, channel + lane) for lane in range(_LANES)]

            def outputs(column: Expr, count: int) -> None:
                for lane in range(_LANES):
                    start = T.bind(buffers["bias"][channel + lane])
                    for p in range(count):
                        T.buffer_store(acc, start, [p * _LANES + lane])

                def tap(row: Buffer, r: int, k: Expr) -> None:
                    word = load4(buffers["weight"], (r * kernel_w + k) * out_channels + channel)
                    weights = _split(word)
                    for p in range(count):
                        index = ((column + p) * stride + k * dilation) * in_channels + source
                        self._multiply(acc, p, row, index, weights)

                for r, row in enumerate(rows):
                    if kernel_w <= self.config["flatten"]:
                        for k in range(kernel_w):
                            tap(row, r, T.int32(k))
                    else:
                        with T.serial(0, kernel_w) as k:
                            tap(row, r, k)
                for p in range(count):
                    for lane, pair in enumerate(pairs):
                        value = requantizer.emit("dsp", acc[p * _LANES + lane], *pair)
                        store_int8(buffers["out"], (column + p) * out_channels + channel + lane, value)

            for_columns(width, tile, columns, outputs)

    def _multiply(self, acc: Buffer, p: int, row: Buffer, index: Expr, weights: tuple[Expr, Expr]) -> None:
        """Emit the four multiplications of one tap and column."""
        if self.channel_multiplier == 1:
            data: tuple[Expr, Expr] = _split(load4(row, index))
        else:
            value = T.bind(
                T.cast(int32_at(row, index), "uint32")
            )  # the same for all lanes, in the lower half
            data = (value, value)
        for half in ("low", "high"):
            side = half if self.channel_multiplier == 1 else "low"
            function = _MULTIPLY[side, half]
            for odd in range(2):
                slot = p * _LANES + odd + (2 if half == "high" else 0)
                T.buffer_store(acc, call("int32", function, data[odd], weights[odd], acc[slot]), [slot])


def _split(word: Expr) -> tuple[Expr, Expr]:
    """Emit channels 0 and 2, and 1 and 3, of a word of four as int16 pairs."""
    return T.bind(call("uint32", "tvmp_sxtb16", word)), T.bind(call("uint32", "tvmp_sxtb16_ror8", word))
