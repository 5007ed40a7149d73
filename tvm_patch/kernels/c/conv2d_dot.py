"""CONV_2D as dot products over widened pixels, whatever the kernel's size."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.base import Kernel, Preference
from tvm_patch.kernels.c.arm.dot_batch import dot_batch
from tvm_patch.kernels.c.arm.dot_tile import DotTile
from tvm_patch.kernels.c.arm.function import Functions, with_functions
from tvm_patch.kernels.c.arm.pointwise import (
    PointwiseRow,
    needs_single,
    pointwise_batches,
    pointwise_row,
)
from tvm_patch.kernels.c.arm.rescaling import Rescaling
from tvm_patch.kernels.c.blocks import Order, StreamedRow
from tvm_patch.kernels.c.convolution_steps import line_of, steps_of, the_steps_of
from tvm_patch.kernels.c.dot_calls import call_dot, store_rest, widen_run
from tvm_patch.kernels.c.effort import dot_effort
from tvm_patch.kernels.c.row_tiles import batch_row, tile_row
from tvm_patch.kernels.c.stream import QUAD, DotStream
from tvm_patch.kernels.c.unrolled import dot_of, loop_of, rescaling_traits, unrolls, with_unroll
from tvm_patch.kernels.conv2d import Conv2d
from tvm_patch.kernels.ir import call, row_body
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.targets import DataMemory, Target
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc

_LITTLE_SCRATCH = 640
"""Bytes of widened pixels that a plan reckons with, or those of one pixel if that is more."""


@register
class DotConv2d(Conv2d):
    """One output row, a few pixels at a time with all their channels.

    The inputs of a tile of pixels are widened to int16 once, kernel row after kernel row; every pair of output
    channels then takes them as one long dot product.  Weights lie in the order of the loop, with biases and
    rescaling between them (:class:`tvm_patch.kernels.c.stream.DotStream`).

    Parameters of `config`: ``group`` output channels × ``pixels`` sums in registers, ``unroll`` steps of four inputs an
    iteration (0 for no loop), ``dual`` for a core that issues two instructions a cycle,
    ``direct`` reads a single pixel of a 1×1 kernel without widening it first; ``together`` pixels of more than one tile
    are widened before ``block`` channels at a time are made of them, 0 for one tile after the other.
    """

    isa = "c"
    rank = 2

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take what the two-instruction rescaling covers, without groups and with two output channels or more."""
        out_channels, _, _, group_in = op.constants["weight"].shape
        in_channels = op.inputs[0].shape[3]
        if not super().accepts(op) or group_in != in_channels or out_channels < 2:
            return False
        return steps_of(Conv2d(op).requantizer) is not None

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return a tile for little scratch; see :meth:`within`."""
        config = _tile_for(op, _LITTLE_SCRATCH)
        _, kernel_h, kernel_w, in_channels = op.constants["weight"].shape
        # A single pixel of whole fours needs none at all, which is slower by a tenth.
        direct = config["pixels"] == 1 and kernel_h == kernel_w == 1 and in_channels % QUAD == 0
        return {**config, "direct": direct}

    @classmethod
    def config_for(cls, op: Operator, target: Target) -> dict[str, Any]:
        """Return loops for two instructions a cycle where the core issues two."""
        return {"dual": target.issues == 2}

    def within(self, scratch: int) -> Kernel:
        """Return the kernel with as many pixels a tile as the scratch holds, up to three."""
        kept = {"unroll": self.config["unroll"], "dual": self.config["dual"]}
        wider = type(self)(self.op, {**self.config, **_tile_for(self.op, scratch), **kept})
        better = wider.config["pixels"] > self.config["pixels"] or self.config["direct"]
        return wider if better and wider.scratch_bytes <= scratch else self

    def by_itself(self, scratch: int) -> Kernel:
        """Return the kernel with the pixels of a whole tensor, where rows of one pixel are one (:attr:`flat`)."""
        kept = {"unroll": self.config["unroll"], "dual": self.config["dual"]}
        tile = _tile_for(self.op, scratch, self._pixels)
        wider = type(self)(self.op, {**self.config, **tile, **kept})
        better = wider.flat and wider.config["pixels"] > self.config["pixels"]
        return wider if better and wider.scratch_bytes <= scratch else self

    def blocked(self, scratch: int, memory: DataMemory, *, alone: bool) -> Kernel:
        """Return the kernel with blocks of channels over several tiles, where that waits less for weights."""
        most, (_, row) = int(self.config["pixels"]), self._streamed_rows(alone)
        if most == 1:
            return self
        order = row.best(scratch // row.tile_bytes, memory)
        if order.tiles == 1:
            return self
        together = {"together": order.tiles * most, "block": order.groups * self.stream.group}
        return type(self)(self.op, {**self.config, **together})

    def constant_reads(self, memory: DataMemory, *, alone: bool) -> int:
        """Return those of all rows."""
        rows, row = self._streamed_rows(alone)
        order, together = row.one_by_one, int(self.config["together"])
        if together:
            groups = int(self.config["block"]) // self.stream.group
            order = Order(together // int(self.config["pixels"]), groups)
        return 1 if row.reads(row.one_by_one, memory) == 1 else rows * row.reads(order, memory)

    def _streamed_rows(self, alone: bool) -> tuple[int, StreamedRow]:
        """Return how many rows there are, and what one is; a flat kernel by itself has a single one."""
        _, height, width, channels = self.op.outputs[0].shape
        rows, pixels = (1, height * width) if alone and self.flat else (height, width)
        most = int(self.config["pixels"])
        return rows, StreamedRow(
            group_bytes=4 * self.stream.group_words,
            groups=len(self.stream.starts),
            tile_bytes=2 * len(self.order) * most,
            tiles=-(-pixels // most),
            beside_bytes=most * (self.op.constants["weight"][0].size + channels),
        )

    @property
    def _pixels(self) -> int:
        """Pixels that lie side by side: of a row, or of the tensor where rows of one pixel may be one."""
        _, height, width, _ = self.op.outputs[0].shape
        return height if self._dense and width == 1 else width

    def candidates(self) -> list[dict[str, Any]]:
        """Return all tiles that there are the pixels for."""
        channels, width = self.op.outputs[0].shape[3], self._pixels
        tiles = [(2, pixels, False) for pixels in range(1, min(3, width) + 1)]
        tiles += [(4, 1, False)] if channels >= 4 else []
        if self._pointwise:
            tiles += [(group, 1, True) for group, pixels, _ in tiles if pixels == 1]
        keys = ("group", "pixels", "direct", "unroll", "dual")
        return [
            dict(zip(keys, (*t, n, dual), strict=True))
            for t in tiles
            for n in unrolls(self.stream)
            for dual in (False, True)
        ]

    def preferring(self, preference: Preference) -> Kernel:
        """Return the kernel with another unrolling."""
        return with_unroll(self, preference)

    @property
    def traits(self) -> dict[str, Any]:
        """Those of the rescaling."""
        return rescaling_traits(self.rescaling)

    @cached_property
    def steps(self) -> StepRequantizer:
        """Rescaling."""
        return the_steps_of(self.requantizer)

    @property
    def rescaling(self) -> Rescaling:
        """What all channels share of it."""
        return self.stream.rescaling((self.requantizer.act_min, self.requantizer.act_max))

    @cached_property
    def stream(self) -> DotStream:
        """Weights in the order of the loop."""
        weight = self.op.constants["weight"]
        flat = weight.reshape(weight.shape[0], -1)[:, self.order]
        flat = np.where(np.array(self.order) >= 0, flat, 0).astype(np.int8)
        dual = bool(self.config["dual"])
        line = None if dual else line_of(self.requantizer)
        return DotStream(flat, self.steps, self.config["group"], dual, line)

    @cached_property
    def order(self) -> list[int]:
        """Position in a filter (HWI) of every input of the widened pixels; -1 where there is none.

        The fours of every run of neighbours come first, the rest of all runs after them.
        """
        layer, rows = self.layer, self.windows[0].size
        runs = [start * layer.run for start in range(rows * layer.pieces)]
        whole = layer.run - layer.run % QUAD
        order = [run + i for run in runs for i in range(whole)]
        order += [run + i for run in runs for i in range(whole, layer.run)]
        return order + [-1] * (-len(order) % QUAD)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The stream."""
        return {"stream": self.stream.words}

    @property
    def scratch_bytes(self) -> int:
        """Widened pixels of one tile, or of those that are widened together."""
        pixels = int(self.config["together"] or self.config["pixels"])
        return 0 if self.config["direct"] else 2 * len(self.order) * pixels

    @property
    def effort(self) -> float:
        """Of all tiles; see :class:`Kernel`."""
        _, height, width, _ = self.op.outputs[0].shape
        rows, pixels = (1, self._pixels) if self.flat and width == 1 else (height, width)
        widens, stream = not self.config["direct"], self.stream
        groups = -(-stream.weight.shape[0] // stream.group)
        return rows * sum(
            count * dot_effort(self._dot_tile(n), stream.quads, groups, n * stream.quads * widens)
            for n, _, count in tile_row(pixels, int(self.config["pixels"]))
        )

    def _dot_tile(self, pixels: int) -> DotTile:
        return dot_of(self.stream, self.rescaling, self.config, pixels)

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the row function; see :class:`RowKernel`."""
        called: Functions = {}
        with row_body(self, dynamic) as (builder, buffers, columns):
            self._tiles(buffers, columns, called)
        return with_functions(builder.get(), called.values())

    def _tiles(self, buffers: dict[str, Buffer], columns: Expr | None, called: Functions) -> None:
        width, most = self.op.outputs[0].shape[2], int(self.config["pixels"])
        most = min(most, width)
        if most > 1 and self._pointwise:
            self._row(buffers, most, columns, called)
            return
        if columns is None and self.config["together"]:
            self._batches(buffers, most, called)
            return
        if columns is None:
            for pixels, start, count in tile_row(width, most):
                with loop("tile", 0, count) as tile:
                    self._tile(buffers, pixels, tile * pixels + start, called)
            return
        # Tiles that overlap where at least one fits, single pixels otherwise.
        with T.If(columns >= most):
            with T.Then(), loop("tile", 0, T.truncdiv(columns + (most - 1), T.int32(most))) as tile:
                self._tile(buffers, most, bind("column", T.min(tile * most, columns - most)), called)
            with T.Else(), loop("column", 0, columns) as column:
                self._tile(buffers, 1, column, called)

    @property
    def _pointwise(self) -> bool:
        """Whether a pixel of the output takes one run of whole fours."""
        layer = self.layer
        return self.windows[0].size == layer.pieces == 1 and layer.run % QUAD == 0

    @property
    def flat(self) -> bool:
        """Of 1×1 kernels at stride 1, with tiles: a tile is read before it is written."""
        return self._dense and self.config["pixels"] > 1

    @property
    def _dense(self) -> bool:
        """Whether each pixel of the output is made of the one in its place."""
        window = self.windows[0]
        steps = (window.stride, window.column_stride, window.column_reach)
        return self._pointwise and not window.buffered and steps == (1, 1, 1)

    def _row(self, buffers: dict[str, Buffer], most: int, columns: Expr | None, called: Functions) -> None:
        """Emit the call that makes a row of a 1×1 convolution."""
        width, layer, rescaling = self.op.outputs[0].shape[2], self.layer, self.rescaling
        single = columns is not None or needs_single(most, width)
        row = PointwiseRow(most, rescaling=rescaling, single=single, **loop_of(self.stream, self.config))
        together = int(self.config["together"])
        functions = pointwise_batches(row) if together else pointwise_row(row)
        called.update({f.name: f for f in functions})
        pointers = [T.address_of(buffers[n][0]) for n in ("in0_row0", "stream", "scratch", "out")]
        pixels = T.int32(width) if columns is None else columns
        numbers = [pixels, layer.run // QUAD, layer.column_step, layer.channels]
        numbers += [together, int(self.config["block"])] if together else []
        base = [rescaling.base] if rescaling.signed else []
        T.evaluate(call("int32", functions[-1].name, *pointers, *numbers, *base))

    def _tile(self, buffers: dict[str, Buffer], pixels: int, column: Expr, called: Functions) -> None:
        if self.config["direct"]:
            row, start, _ = self._runs(buffers, column)[0]
            self._dot(buffers, 1, column, called, T.address_of(row[start]))
            return
        self._widen(buffers, pixels, column, called)
        self._dot(buffers, pixels, column, called, T.address_of(buffers["scratch"][0]))

    def _widen(
        self, buffers: dict[str, Buffer], pixels: int, column: Expr, called: Functions, at: Expr | int = 0
    ) -> None:
        """Emit the widening of a tile, to byte `at` of the scratch."""
        layer, runs = self.layer, self._runs(buffers, column)
        dual, joined = bool(self.config["dual"]), self.stream.joined
        scratch = buffers["scratch"]
        quads, step = layer.run // QUAD, layer.column_step
        for i, (row, start, _) in enumerate(runs):
            widen_run(
                called,
                row,
                start,
                scratch,
                i * quads,
                pixels=pixels,
                quads=quads,
                step=step,
                dual=dual,
                joined=joined,
                at=at,
            )
        rest = [(row, start + i) for row, start, _ in runs for i in range(quads * QUAD, layer.run)]
        for p in range(pixels):
            store_rest(
                rest,
                scratch,
                first=len(runs) * quads,
                pixels=pixels,
                pixel=p,
                step=step,
                joined=joined,
                at=at,
            )

    def _batches(self, buffers: dict[str, Buffer], most: int, called: Functions) -> None:
        """Emit a row in batches of tiles, each with one block of channels after the other."""
        width, stream = self.op.outputs[0].shape[2], self.stream
        batches = list(batch_row(width, int(self.config["together"])))
        sizes = {n for pixels, _, _ in batches for n, _, _ in tile_row(pixels, most)}
        tiles = {n: dot_of(stream, self.rescaling, self.config, n) for n in sorted(sizes, reverse=True)}
        functions = dot_batch(tiles)
        base = [self.rescaling.base] if self.rescaling.signed else []
        for pixels, first, count in batches:
            with loop("batch", 0, count) as batch:
                column, at = bind("column", batch * pixels + first), 0
                for n, start, repeats in tile_row(pixels, most):
                    size = 2 * len(self.order) * n
                    with loop("tile", 0, repeats) as tile:
                        self._widen(buffers, n, column + (tile * n + start), called, tile * size + at)
                    at += repeats * size
                called.update({f.name: f for f in functions})
                pointers = [T.address_of(buffers[n][0]) for n in ("stream", "scratch")]
                pointers.append(T.address_of(buffers["out"][column * self.op.outputs[0].shape[3]]))
                numbers = [pixels, stream.quads, self.op.outputs[0].shape[3], int(self.config["block"])]
                T.evaluate(call("int32", functions[-1].name, *pointers, *numbers, *base))

    def _dot(
        self,
        buffers: dict[str, Buffer],
        pixels: int,
        column: Expr,
        called: Functions,
        at: Expr,
    ) -> None:
        channels, stream = self.op.outputs[0].shape[3], self.stream
        call_dot(
            called, self._dot_tile(pixels), stream, buffers["stream"], at, buffers["out"], column * channels
        )

    def _runs(self, buffers: dict[str, Buffer], column: Expr) -> list[tuple[Buffer, Expr, int]]:
        """Return the runs of neighbouring inputs under the window of an output column."""
        layer = self.layer
        return [
            (buffers[f"in0_row{r}"], column * layer.column_step + piece * layer.piece_step, layer.run)
            for r in range(self.windows[0].size)
            for piece in range(layer.pieces)
        ]


def _tile_for(op: Operator, scratch: int, most: int = 0) -> dict[str, Any]:
    """Return 2×3, with fewer pixels where rows are short or the scratch is; four channels for a single pixel.

    There are so many pixels side by side, or a row's.
    """
    out_channels, kernel_h, kernel_w, in_channels = op.constants["weight"].shape
    inputs = -(-kernel_h * kernel_w * in_channels // QUAD) * QUAD
    pixels = max(1, min(3, most or op.outputs[0].shape[2], scratch // (2 * inputs)))
    return {
        "group": 4 if pixels == 1 and out_channels >= 4 else 2,
        "pixels": pixels,
        "unroll": 4,
        "direct": False,
        "dual": False,
        "together": 0,
        "block": 0,
    }
