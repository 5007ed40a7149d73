"""CONV_2D with 3×3 kernels at stride 1 by Winograd's F(2, 3) along the row, exact in integers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.winograd import stays_in_int32
from tvm_patch.kernels.base import Kernel, Preference
from tvm_patch.kernels.c.arm.function import Functions, with_functions
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.arm.winograd_dot import CHANNELS, WinogradTile, winograd_dot
from tvm_patch.kernels.c.arm.winograd_inputs import MOST_TILES, quad_bytes, winograd_inputs
from tvm_patch.kernels.c.blocks import StreamedRow
from tvm_patch.kernels.c.conv2d_dot import DotConv2d
from tvm_patch.kernels.c.stream import QUAD
from tvm_patch.kernels.c.winograd_choice import DUAL, SINGLE, Rates, pays, row_cycles
from tvm_patch.kernels.c.winograd_stream import WinogradStream
from tvm_patch.kernels.ir import call, row_body
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.targets import DataMemory, Target
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_ROWS = 3
_COLUMNS = 2
"""Output columns of a tile."""
_UNROLL = 3
"""Fours of channels an iteration: always a divisor, since there are three kernel rows."""
_LEAST_INPUTS, _LEAST_OUTPUTS = 8, 4
"""Fewer do not pay for rescaling, which a group of channels does twice, or for transforming the inputs."""


@register
class WinogradConv2d(DotConv2d):
    """One output row, a few pairs of columns at a time with all their channels.

    Two columns take four products of transformed inputs and weights where they take six directly; the four are dot
    products over kernel rows and channels (:mod:`tvm_patch.integer.winograd`).  Inputs are transformed once for all
    output channels; weights lie transformed in flash, in 2.67 times their bytes.  Where there is little scratch the
    kernel is a :class:`DotConv2d`, with its constants and its flash.

    Parameters of `config`: ``tiles`` pairs of columns in registers, 0 for none; others as of :class:`DotConv2d`.
    """

    rank = 3

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take 3×3 kernels at stride 1, whole fours of inputs, rows of two columns or more, sums that stay in int32."""
        _, height, width, inputs = op.constants["weight"].shape
        steps = [int(n) for key in ("strides", "dilation") for n in op.attrs[key]]
        if (height, width) != (_ROWS, 3) or steps != [1, 1, 1, 1]:
            return False
        if inputs % QUAD or op.outputs[0].shape[2] < _COLUMNS:
            return False
        return super().accepts(op) and stays_in_int32(op.constants["weight"])

    @classmethod
    def suits(cls, op: Operator, target: Target) -> bool:
        """Take what is faster than dot products with ample scratch."""
        if op.inputs[0].shape[3] < _LEAST_INPUTS or op.outputs[0].shape[3] < _LEAST_OUTPUTS:
            return False
        wide = cls(op, cls.config_for(op, target))
        return any(wide._pays(tiles) for tiles in range(1, wide._affordable(target.ample_scratch) + 1))

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return the tile of :class:`DotConv2d`."""
        return {**super().default_config(op), "tiles": 0}

    def within(self, scratch: int) -> Kernel:
        """Return the kernel with as many tiles as the scratch holds, that of dot products where it holds too few."""
        tiles = self._affordable(scratch)
        if tiles > self._tiles_now and self._pays(tiles):
            return type(self)(self.op, {**self.config, "tiles": tiles})
        return self if self._tiles_now else super().within(scratch)

    def by_itself(self, scratch: int) -> Kernel:
        """Return the kernel itself: whole tensors are made as rows are."""
        return self

    def blocked(self, scratch: int, memory: DataMemory, *, alone: bool) -> Kernel:
        """Return the kernel itself where it has tiles: each block of them takes all weights."""
        return self if self._tiles_now else super().blocked(scratch, memory, alone=alone)

    def _streamed_rows(self, alone: bool) -> tuple[int, StreamedRow]:
        """Return how many rows there are, and what one is: of blocks, where there are tiles."""
        if not self._tiles_now:
            return super()._streamed_rows(alone)
        _, height, _, outputs = self.op.outputs[0].shape
        columns, inputs = _COLUMNS * self._tiles_now, self.op.inputs[0].shape[3]
        return height, StreamedRow(
            group_bytes=4 * self.transformed.group_words,
            groups=-(-outputs // CHANNELS),
            tile_bytes=self.scratch_bytes,
            tiles=sum(count for _, _, count in blocks_of(self._pairs, self._tiles_now)),
            beside_bytes=_ROWS * (columns + 2) * inputs + columns * outputs,
        )

    def candidates(self) -> list[dict[str, Any]]:
        """Return those of dot products, and all numbers of tiles."""
        direct = super().candidates()
        duals = sorted({bool(c["dual"]) for c in direct})
        counts = range(1, self._most_tiles + 1)
        same = {name: self.config[name] for name in direct[0]}
        tiled = [{**same, "dual": dual, "tiles": tiles} for tiles in counts for dual in duals]
        return [{**c, "tiles": 0} for c in direct] + tiled

    def preferring(self, preference: Preference) -> Kernel:
        """Return the kernel of dot products where size counts: its weights take less flash."""
        if preference != "size":
            return super().preferring(preference)
        direct = {k: v for k, v in self.config.items() if k != "tiles"}
        return DotConv2d(self.op, direct).preferring(preference)

    @property
    def _tiles_now(self) -> int:
        return int(self.config["tiles"])

    @property
    def _pairs(self) -> int:
        """Tiles that cover a row."""
        return -(-self.op.outputs[0].shape[2] // _COLUMNS)

    @property
    def _most_tiles(self) -> int:
        """Most tiles of a block: they have to fit the row side by side."""
        return min(MOST_TILES, self.op.outputs[0].shape[2] // _COLUMNS)

    def _affordable(self, scratch: int) -> int:
        """Return how many tiles at most a block may have."""
        return min(self._most_tiles, scratch // (_ROWS * self._row_bytes(1)))

    def _pays(self, tiles: int) -> bool:
        """Tell whether blocks of so many tiles are faster than dot products."""
        inputs, (_, _, width, outputs) = self.op.inputs[0].shape[3], self.op.outputs[0].shape
        return pays(self._rates, self._blocks(tiles), width, inputs, outputs)

    @property
    def _rates(self) -> Rates:
        return DUAL if self.config["dual"] else SINGLE

    def _blocks(self, tiles: int) -> list[tuple[int, int]]:
        """Return tiles of a block, and how many such blocks cover a row."""
        return [(size, count) for size, _, count in blocks_of(self._pairs, tiles)]

    @property
    def effort(self) -> float:
        """Of all blocks; see :class:`Kernel`."""
        if not self._tiles_now:
            return super().effort
        inputs, (_, height, _, outputs) = self.op.inputs[0].shape[3], self.op.outputs[0].shape
        return float(height * row_cycles(self._rates, self._blocks(self._tiles_now), inputs, outputs))

    def _row_bytes(self, tiles: int) -> int:
        """Bytes of a kernel row's transformed inputs."""
        return self.op.inputs[0].shape[3] // QUAD * quad_bytes(tiles)

    @cached_property
    def transformed(self) -> WinogradStream:
        """Weights in the order of the loop, transformed."""
        return WinogradStream(self.op.constants["weight"], self.steps)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The stream."""
        return {"stream": self.transformed.words} if self._tiles_now else super().constants

    @property
    def scratch_bytes(self) -> int:
        """Transformed inputs of the tiles that are made together."""
        return _ROWS * self._row_bytes(self._tiles_now) if self._tiles_now else super().scratch_bytes

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the row function; see :class:`RowKernel`."""
        if not self._tiles_now:
            return super().row_function(dynamic)
        called: Functions = {}
        with row_body(self, dynamic) as (builder, buffers, columns):
            if columns is None:
                self._row_of_tiles(buffers, called)
            else:
                self._some_columns(buffers, columns, called, self._tiles_now)
        return with_functions(builder.get(), called.values())

    def _row_of_tiles(self, buffers: dict[str, Buffer], called: Functions) -> None:
        width = self.op.outputs[0].shape[2]
        if width == 1:
            self._block(buffers, 1, T.int32(0), called, single=True)
            return
        # A band may be narrower than the blocks of whole rows.
        for tiles, first, count in blocks_of(self._pairs, min(self._tiles_now, self._most_tiles)):
            with loop("block", 0, count) as block:
                column = block * (_COLUMNS * tiles) + _COLUMNS * first
                if _COLUMNS * (first + tiles * count) > width:  # the last block overlaps its neighbour
                    column = bind("column", T.min(column, T.int32(width - _COLUMNS * tiles)))
                self._block(buffers, tiles, column, called)

    def _some_columns(self, buffers: dict[str, Buffer], columns: Expr, called: Functions, most: int) -> None:
        """Emit blocks that overlap where at least one fits, otherwise single tiles that do, or a single column."""
        width = _COLUMNS * most
        with T.If(columns >= width):
            count = T.truncdiv(columns + (width - 1), T.int32(width))
            with T.Then(), loop("block", 0, count) as block:
                column = bind("column", T.min(block * width, columns - width))
                self._block(buffers, most, column, called)
            with T.Else():
                if most > 1:
                    self._some_columns(buffers, columns, called, 1)
                else:
                    self._block(buffers, 1, T.int32(0), called, single=True)

    def _block(
        self, buffers: dict[str, Buffer], tiles: int, column: Expr, called: Functions, *, single: bool = False
    ) -> None:
        """Emit the calls that make a few tiles with all their channels."""
        inputs, outputs = self.op.inputs[0].shape[3], self.op.outputs[0].shape[3]
        dual, stream, scratch = bool(self.config["dual"]), self.transformed, buffers["scratch"]
        transform = winograd_inputs(tiles, single=single, dual=dual)
        unroll = _UNROLL * (2 if dual and stream.quads % (2 * _UNROLL) == 0 else 1)
        clamp = (self.requantizer.act_min, self.requantizer.act_max)
        tile = WinogradTile(tiles, unroll, Rescaling.of(self.steps, clamp), dual)
        dot = winograd_dot(tile)
        called.update({f.name: f for f in (transform, dot)})
        for r in range(_ROWS):
            row = T.address_of(buffers[f"in0_row{r}"][column * inputs])
            to = T.address_of(scratch[r * self._row_bytes(tiles)])
            T.evaluate(call("int32", transform.name, row, to, inputs // QUAD, inputs))
        for begin, end, channel in stream.parts:
            words = buffers["stream"]
            out = T.address_of(buffers["out"][column * outputs + channel])
            numbers = tile.numbers(stream.quads, outputs, single=single)
            ends = T.address_of(words[begin]), T.address_of(words[end])
            T.evaluate(call("int32", dot.name, ends[0], T.address_of(scratch[0]), out, ends[1], *numbers))


def blocks_of(tiles: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield (tiles of a block, first tile, number of blocks) that cover a row, at most `most` tiles a block.

    Blocks are as large as each other, or larger by one.  None is of a single tile unless all are; instead the last one
    reaches beyond the row, and has to overlap its neighbour.
    """
    blocks = -(-tiles // most)
    size, larger = divmod(tiles, blocks)
    if larger and size == 1:
        yield 2, 0, blocks
        return
    if larger:
        yield size + 1, 0, larger
    yield size, larger * (size + 1), blocks - larger
