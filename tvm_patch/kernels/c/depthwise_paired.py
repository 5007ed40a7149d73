"""DEPTHWISE_CONV_2D over paired rows: two multiplications an instruction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.fit_groups import GroupSteps
from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.base import Kernel
from tvm_patch.kernels.c.arm.column_pairs import LANES, MOST_ROWS, column_bytes, column_pairs, interleaved
from tvm_patch.kernels.c.arm.function import Functions, with_functions
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.arm.scheduling import cycles_of
from tvm_patch.kernels.c.arm.taps_stream import WORD, TapsStream
from tvm_patch.kernels.c.arm.taps_tile import TapsTile, taps_tile
from tvm_patch.kernels.c.column_order import ColumnOrder
from tvm_patch.kernels.c.convolution_steps import group_steps_of, the_group_steps_of
from tvm_patch.kernels.c.effort import like, taps_effort
from tvm_patch.kernels.c.stream import rescaling_words
from tvm_patch.kernels.c.unrolled import rescaling_traits
from tvm_patch.kernels.depthwise_conv2d import DepthwiseConv2d
from tvm_patch.kernels.ir import call, row_body, tiles
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.targets import DataMemory, Target
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_MOST_OUTPUTS = 8
_MOST_CHANNELS = 4095
_LITTLE_SCRATCH = 384
"""Bytes of paired columns that a plan reckons with, or those of one output if that is more."""


@register
class PairedDepthwise(DepthwiseConv2d):
    """One output row, four channels at a time.

    The rows under the window are rearranged into pairs of rows, channel by channel
    (:mod:`tvm_patch.kernels.c.arm.column_pairs`), and each channel's outputs are made a few at a time
    (:mod:`tvm_patch.kernels.c.arm.taps_tile`).  Wide rows are cut in blocks, to keep the scratch small.

    Parameters of `config`: ``block`` output columns are rearranged at once, ``outputs`` sums are in registers,
    ``dual`` is for a core that issues two instructions a cycle, ``across`` makes all channels of a block before the
    next block (:mod:`tvm_patch.kernels.c.column_order`) instead of all blocks of four channels.
    """

    isa = "c"
    rank = 2

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take four channels or more without multiplier, windows of up to seven rows, two-instruction rescaling.

        Rows of a single output share no columns: rearranging them takes longer than what it saves.
        """
        _, kernel_h, kernel_w, channels = op.constants["weight"].shape
        if not super().accepts(op) or op.inputs[0].shape[3] != channels or kernel_h > MOST_ROWS:
            return False
        if op.outputs[0].shape[2] < 2:
            return False
        if not LANES <= channels <= _MOST_CHANNELS:
            return False
        steps = group_steps_of(DepthwiseConv2d(op).requantizer, LANES)
        if steps is None:
            return False
        return all(_tile(op, form, 1, kernel_w, whole=False).fits for form in steps.forms)

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return blocks for little scratch; see :meth:`within`."""
        return _blocks_for(op, _LITTLE_SCRATCH, dual=False)

    @classmethod
    def config_for(cls, op: Operator, target: Target) -> dict[str, Any]:
        """Return code for two instructions a cycle where the core issues two."""
        return _blocks_for(op, _LITTLE_SCRATCH, dual=target.issues == 2)

    def within(self, scratch: int) -> Kernel:
        """Return the kernel with blocks as wide as the scratch holds, up to whole rows."""
        wider = {**self.config, **_blocks_for(self.op, scratch, dual=self.config["dual"])}
        return type(self)(self.op, wider) if wider["block"] > self.config["block"] else self

    def candidates(self) -> list[dict[str, Any]]:
        """Return blocks of equal width with the tiles that the registers have room for."""
        width = self.op.outputs[0].shape[2]
        kernel_w = self.op.constants["weight"].shape[2]
        out = []
        for block in sorted({-(-width // n) for n in range(1, width + 1)}):
            for outputs in range(1, min(_MOST_OUTPUTS, block) + 1):
                whole = outputs == block and self.tile(outputs, whole=True).fits
                if _tile(self.op, self.steps.usual, outputs, kernel_w, whole=whole).fits:
                    out += [{"block": block, "outputs": outputs, "dual": dual} for dual in (False, True)]
        return out

    @property
    def traits(self) -> dict[str, Any]:
        """Those of the rescaling."""
        return rescaling_traits(self.tile(1, whole=False).rescaling)

    @cached_property
    def steps(self) -> GroupSteps:
        """Rescaling of four channels at a time."""
        return the_group_steps_of(self.requantizer, LANES)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Per channel: bias, weights, multiplier; see :mod:`tvm_patch.kernels.c.arm.taps_stream`."""
        return {"stream": self._stream}

    def blocked(self, scratch: int, memory: DataMemory, *, alone: bool) -> Kernel:
        """Return the kernel with blocks of columns that stay in the cache for all channels, where that waits less."""
        if not memory.ram_line or self.config["across"]:
            return self
        window, outputs = self.windows[0], self.op.outputs[0].shape
        _, kernel_h, kernel_w, channels = self.op.constants["weight"].shape
        order = ColumnOrder(
            rows=kernel_h,
            columns=kernel_w,
            stride=window.column_stride,
            dilation=int(self.op.attrs["dilation"][1]),
            channels=channels,
            width=outputs[2],
            stream_bytes=self._stream.nbytes,
            outputs=int(self.config["outputs"]),
        )
        block = order.best(int(self.config["block"]), _most_outputs(self.op, scratch), memory)
        return self if block is None else type(self)(self.op, {**self.config, "block": block, "across": True})

    @property
    def layout(self) -> TapsStream:
        """Where a channel's numbers lie."""
        return self.tile(1, whole=False).stream

    @cached_property
    def _stream(self) -> np.ndarray:
        layout, weight = self.layout, self.op.constants["weight"][0]
        kernel_h, kernel_w, channels = weight.shape
        lanes = np.zeros((channels, layout.channel_bytes), np.int8)
        for row, column in np.ndindex(kernel_h, kernel_w):
            lanes[:, layout.tap_offset(row, column)] = weight[row, column]
        parts = []
        for some, form in self.steps.groups():
            words = rescaling_words(form)[some].astype("<i4").view(np.int8).reshape(LANES, 2, WORD)
            group = np.where(form.idle[some, None], 0, lanes[some])
            group[:, :WORD], group[:, -WORD:] = words[:, 0], words[:, 1]
            parts.append(group.ravel())
        return np.concatenate(parts)

    @property
    def scratch_bytes(self) -> int:
        """The columns of one block."""
        return self._span(int(self.config["block"])) * column_bytes(self.windows[0].size)

    def _span(self, outputs: int) -> int:
        """Return the input columns under neighbouring outputs."""
        window = self.windows[0]
        return (outputs - 1) * window.column_stride + window.column_reach

    @property
    def effort(self) -> float:
        """Of all blocks; see :class:`Kernel`."""
        _, height, width, channels = self.op.outputs[0].shape
        block, outputs = min(int(self.config["block"]), width), int(self.config["outputs"])
        blocks, tiles = -(-width // block), -(-block // outputs)
        whole = outputs == block and self.tile(outputs, whole=True).fits
        tile = self.tile(outputs, whole=whole)
        one = taps_effort(tile, tiles, self._span(block), channels)
        return height * -(-channels // LANES) * blocks * one

    def tile(self, outputs: int, *, whole: bool, steps: StepRequantizer | None = None) -> TapsTile:
        """Return the numbers of the inner function, with the usual rescaling or another."""
        kernel_w, dual = self.op.constants["weight"].shape[2], bool(self.config["dual"])
        return _tile(self.op, steps or self.steps.usual, outputs, kernel_w, whole=whole, dual=dual)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the row function; see :class:`RowKernel`."""
        called: Functions = {}
        with row_body(self, dynamic) as (builder, buffers, columns):
            self._blocks(buffers, columns, called)
        return with_functions(builder.get(), called.values())

    def _blocks(self, buffers: dict[str, Buffer], columns: Expr | None, called: Functions) -> None:
        width = self.op.outputs[0].shape[2]
        block = min(int(self.config["block"]), width)
        if self.config["across"]:
            for start, count in self._starts(width, block, columns, apart=True):
                for group in self._groups(buffers):
                    self._block(buffers, called, group, start, count)
            return
        for group in self._groups(buffers):
            for start, count in self._starts(width, block, columns):
                self._block(buffers, called, group, start, count)

    def _groups(self, buffers: dict[str, Buffer]) -> Iterator[_Group]:
        """Open the loops over groups of channels, one for neighbours of one rescaling, and yield what one has."""
        channels, group_bytes = self.op.outputs[0].shape[3], LANES * self.layout.channel_bytes
        for first, count, form in self.steps.runs():
            with loop("group", first, first + count) as group:
                channel = bind("channel", T.min(group * LANES, T.int32(channels - LANES)))
                yield _Group(T.address_of(buffers["stream"][group * group_bytes]), channel, form)

    def _starts(
        self, width: int, block: int, columns: Expr | None, *, apart: bool = False
    ) -> Iterator[tuple[Expr, Any]]:
        """Open the loops over blocks of columns and yield where one begins, and how many it has.

        What is left of a row is a block `apart`, or the last block overlaps its neighbour.
        """
        if columns is not None:
            with loop("batch", 0, T.truncdiv(columns + (block - 1), T.int32(block))) as b:
                start = bind("start", b * block)
                yield start, bind("count", T.min(columns - start, T.int32(block)))
        elif apart:
            with loop("batch", 0, width // block) as b:
                yield bind("start", b * block), block
            if width % block:
                yield T.int32(width - width % block), width % block
        else:
            with tiles(width, block) as start:
                yield start, block

    def _block(
        self,
        buffers: dict[str, Buffer],
        called: Functions,
        group: _Group,
        start: Expr,
        count: Any,
    ) -> None:
        window, channels = self.windows[0], self.op.outputs[0].shape[3]
        step = column_bytes(window.size)
        kernel_w = self.op.constants["weight"].shape[2]
        by_side = interleaved(window.size, kernel_w)
        gather = column_pairs(window.size, channels, side_by_side=by_side, dual=bool(self.config["dual"]))
        called[gather.name] = gather
        span = (count - 1) * window.column_stride + window.column_reach
        scratch = buffers["scratch"]
        rows = [
            T.address_of(buffers[f"in0_row{r}"][start * window.column_stride * channels + group.channel])
            for r in range(window.size)
        ]
        to = T.address_of(scratch[span * step])
        T.evaluate(call("int32", gather.name, to, (span - 1) * channels, *rows))
        out = T.address_of(buffers["out"][start * channels + group.channel])
        outputs = self._outputs(group.steps)
        if isinstance(count, int):
            self._taps(scratch, called, group, out, min(outputs, count), count)
            return
        with T.If(count >= outputs):
            with T.Then():
                self._taps(scratch, called, group, out, outputs, count)
            with T.Else():
                self._taps(scratch, called, group, out, 1, count)

    def _outputs(self, steps: StepRequantizer) -> int:
        """Return the outputs of a tile that the registers have room for with some rescaling."""
        usual = int(self.config["outputs"])
        if steps is self.steps.usual:
            return usual
        return next(n for n in range(usual, 0, -1) if self.tile(n, whole=False, steps=steps).fits)

    def _taps(
        self,
        scratch: Buffer,
        called: Functions,
        group: _Group,
        out: Expr,
        outputs: int,
        count: Any,
    ) -> None:
        """Emit the call that makes `count` outputs, at least one tile of them."""
        channels, whole = self.op.outputs[0].shape[3], isinstance(count, int) and count == outputs
        whole = whole and self.tile(outputs, whole=True, steps=group.steps).fits
        tile = self.tile(outputs, whole=whole, steps=group.steps)
        function = taps_tile(tile)
        called[function.name] = function
        arguments = [group.stream, T.address_of(scratch[0]), out]
        if not whole:
            if isinstance(count, int):
                tiles_, rest = divmod(count, outputs)
            else:
                tiles_ = bind("tiles", T.truncdiv(count, T.int32(outputs)))
                rest = bind("rest", count - tiles_ * outputs)
            one = tile.step_bytes // outputs
            missing = (outputs - rest) * (rest > 0) if isinstance(rest, int) else _missing(outputs, rest)
            arguments += [T.address_of(scratch[tiles_ * tile.step_bytes]), missing * one, missing * channels]
        T.evaluate(call("int32", function.name, *arguments))


@dataclass(frozen=True)
class _Group:
    """Four channels: where their numbers lie, the first of them, and how they are rescaled."""

    stream: Expr
    channel: Expr
    steps: StepRequantizer


def _missing(outputs: int, rest: Expr) -> Expr:
    """Return how many outputs before the end of the whole tiles the last one begins: none where nothing is left."""
    return bind("missing", T.truncmod(outputs - rest, T.int32(outputs)))


def _tile(
    op: Operator,
    steps: StepRequantizer,
    outputs: int,
    kernel_w: int,
    *,
    whole: bool,
    dual: bool = False,
) -> TapsTile:
    return TapsTile(
        rows=op.constants["weight"].shape[1],
        columns=kernel_w,
        stride=int(op.attrs["strides"][1]),
        dilation=int(op.attrs["dilation"][1]),
        outputs=outputs,
        out_step=op.outputs[0].shape[3],
        whole=whole,
        rescaling=Rescaling.of(steps, (int(op.attrs["act_min"]), int(op.attrs["act_max"]))),
        dual=dual,
    )


def _most_outputs(op: Operator, scratch: int) -> int:
    """Return the outputs of a block whose columns fit the scratch; less than 1 where those of one do not."""
    _, kernel_h, kernel_w, _ = op.constants["weight"].shape
    stride, dilation = int(op.attrs["strides"][1]), int(op.attrs["dilation"][1])
    columns = scratch // column_bytes(int(kernel_h))
    return (columns - (int(kernel_w) - 1) * dilation - 1) // stride + 1


def _cost(tile: TapsTile) -> int:
    """Return what a tile takes: cycles where the core issues two instructions in one, else instructions."""
    return _cost_of(like(tile))


@lru_cache(maxsize=1024)
def _cost_of(tile: TapsTile) -> int:
    code = taps_tile(tile).assembly
    return cycles_of(code) if tile.dual else len(code)


def _blocks_for(op: Operator, scratch: int, *, dual: bool) -> dict[str, Any]:
    """Return blocks that fit the scratch, and the tile that takes the least time for them."""
    kernel_w = op.constants["weight"].shape[2]
    width = op.outputs[0].shape[2]
    blocks = -(-width // max(1, min(width, _most_outputs(op, scratch))))
    block = -(-width // blocks)
    steps = the_group_steps_of(DepthwiseConv2d(op).requantizer, LANES).usual
    costs = {}
    for outputs in range(1, min(_MOST_OUTPUTS, block) + 1):
        whole = outputs == block and _tile(op, steps, outputs, kernel_w, whole=True).fits
        tile = _tile(op, steps, outputs, kernel_w, whole=whole, dual=dual)
        if tile.fits:
            costs[outputs] = -(-block // outputs) * _cost(tile)
    return {"block": block, "outputs": min(costs, key=lambda n: costs[n]), "dual": dual, "across": False}
