"""DEPTHWISE_CONV_2D four channels at a time: what :mod:`tvm_patch.kernels.c.depthwise_paired` does not take."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import Kernel, Preference
from tvm_patch.kernels.c.requantize import HelperRequantizer
from tvm_patch.kernels.depthwise_conv2d import DepthwiseConv2d
from tvm_patch.kernels.ir import call, for_columns, int32_at, load4, tiles
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize import store_int8
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_LANES = 4
_MULTIPLY = {("low", "low"): "tvmp_smlabb", ("low", "high"): "tvmp_smlabt", ("high", "high"): "tvmp_smlatt"}


@register
class PackedDepthwise(DepthwiseConv2d):
    """One output row, four neighbouring channels at a time.

    Four channels of a tap are one word; two SXTB16 split it into the pairs of channels 0, 2 and 1, 3, which
    SMLABB and SMLATT multiply with the pairs of weights.  Weights stay as in the model: the four of a tap are
    neighbours as well.  With a channel multiplier the four output channels must share their input channel;
    where they do not, or there are fewer than four, outputs are computed one at a time.

    Parameters of `config`: ``tile_columns`` output columns share the unpacked weights of a tap; ``flatten`` is the
    widest kernel row that is unrolled.
    """

    isa = "c"
    requantizer_type = HelperRequantizer

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return two columns: eight accumulators."""
        return {"tile_columns": 2, "flatten": 7}

    def candidates(self) -> list[dict[str, Any]]:
        """Return one to three columns, with loops over a kernel row and without."""
        return [{"tile_columns": n, "flatten": flatten} for n in (1, 2, 3) for flatten in (0, 7)]

    def preferring(self, preference: Preference) -> Kernel:
        """Return the kernel for one column at a time where code should be small."""
        small = {"tile_columns": 1, "flatten": 0}
        return type(self)(self.op, {**self.config, **small}) if preference == "size" else self

    def emit(self, rows: list[Buffer], buffers: dict[str, Buffer], columns: Expr | None) -> None:
        """Emit the computation of one output row, four channels at a time where they share an input word."""
        out_channels, multiplier = self.op.outputs[0].shape[3], self.channel_multiplier
        if out_channels < _LANES or (multiplier != 1 and multiplier % _LANES):
            super().emit(rows, buffers, columns)
            return
        requantizer = self.requantizer
        width, in_channels = self.op.outputs[0].shape[2], self.op.inputs[0].shape[3]
        kernel_w = self.op.constants["weight"].shape[2]
        stride, dilation = int(self.op.attrs["strides"][1]), int(self.op.attrs["dilation"][1])
        tile = min(self.config["tile_columns"], width)
        acc = array("acc", tile * _LANES)

        with ExitStack() as stack:
            # The last four channels overlap the ones before where four does not divide their number.
            channel = stack.enter_context(tiles(out_channels, _LANES))
            source = channel if multiplier == 1 else bind("source", T.floordiv(channel, T.int32(multiplier)))
            pairs = [requantizer.load(buffers, channel + lane) for lane in range(_LANES)]

            def outputs(column: Expr, count: int) -> None:
                for lane in range(_LANES):
                    start = bind("start", buffers["bias"][channel + lane])
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
                        with loop("k", 0, kernel_w) as k:
                            tap(row, r, k)
                for p in range(count):
                    for lane, pair in enumerate(pairs):
                        value = requantizer.emit(acc[p * _LANES + lane], *pair)
                        store_int8(buffers["out"], (column + p) * out_channels + channel + lane, value)

            for_columns(width, tile, columns, outputs)

    def _multiply(self, acc: Buffer, p: int, row: Buffer, index: Expr, weights: tuple[Expr, Expr]) -> None:
        """Emit the four multiplications of one tap and column."""
        if self.channel_multiplier == 1:
            data: tuple[Expr, Expr] = _split(load4(row, index))
        else:
            value = bind(
                "value", T.cast(int32_at(row, index), "uint32")
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
    return bind("even", call("uint32", "tvmp_sxtb16", word)), bind(
        "odd", call("uint32", "tvmp_sxtb16_ror8", word)
    )
