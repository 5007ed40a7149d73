"""Dense convolutions as register tiles of dot products: rows of weights against runs of neighbouring inputs.

A k×k convolution over NHWC rows is, per output, one dot product per kernel row: the k pixels under the window are
neighbours in memory, and so are their OHWI weights.  With groups or dilation the run is cut in k pieces.  1×1
convolutions and fully connected operators are the case of one run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tvm_patch.kernels.ir import accumulate, for_columns, int32_at, tiles
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.requantize import Requantizer, store_int8
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

Address = tuple[Buffer, Expr]
EmitDot = Callable[..., None]
"""As :func:`emit_dot`."""


@dataclass(frozen=True)
class DotLayer:
    """Geometry of one row of a dense convolution.

    Attributes
    ----------
    columns, channels : int
        Size of the output row; `channels` of one group.
    column_step : int
        Input elements from one output column's window to the next.
    run : int
        Length of one dot product.
    pieces, piece_step : int
        Number of runs per kernel row, and input elements from one to the next.
    groups, group_step : int
        Number of groups and input channels of one.
    """

    columns: int
    channels: int
    column_step: int
    run: int
    pieces: int = 1
    piece_step: int = 0
    groups: int = 1
    group_step: int = 0


@dataclass(frozen=True)
class TileSize:
    """Register tile: output channels × output columns, and how far the loop over inputs is unrolled.

    Attributes
    ----------
    channels, columns : int
        Accumulators kept in registers.
    unroll : int
        Steps of four inputs per loop iteration.
    flatten : int
        Runs of at most this many steps have no loop.
    """

    channels: int = 1
    columns: int = 1
    unroll: int = 1
    flatten: int = 0

    def clipped(self, layer: DotLayer) -> TileSize:
        """Return the tile cut to the size of the layer."""
        return TileSize(
            min(self.channels, layer.channels), min(self.columns, layer.columns), self.unroll, self.flatten
        )


ONE = TileSize()
"""One output at a time."""


def emit_dot_row(
    layer: DotLayer,
    tile: TileSize,
    requantizer: Requantizer,
    rows: Sequence[Buffer],
    buffers: dict[str, Buffer],
    columns: Expr | None = None,
    dot: EmitDot | None = None,
) -> None:
    """Emit the computation of one output row.

    Parameters
    ----------
    layer, tile, requantizer
        What to compute, and how.
    rows : sequence of Buffer
        One input row per kernel row.
    buffers : dict of str to Buffer
        ``weight`` (OHWI, as in the model), the requantizer's constants, and ``out``.
    columns : Expr or None
        How many output columns to make; None for all.
    dot : callable, optional
        Emits the dot products of a tile; :func:`emit_dot` unless told otherwise.
    """
    dot, tile = dot or emit_dot, tile.clipped(layer)
    out_channels = layer.channels * layer.groups
    per_row = layer.run * layer.pieces
    per_channel = per_row * len(rows)
    acc = array("acc", tile.channels * tile.columns)
    with ExitStack() as stack:
        group = stack.enter_context(tiles(layer.groups, 1))
        channel = stack.enter_context(tiles(layer.channels, tile.channels)) + group * layer.channels
        channels = [bind("channel", channel + t) for t in range(tile.channels)]
        pairs = [requantizer.load(buffers, o) for o in channels]

        def outputs(column: Expr, tile: TileSize) -> None:
            for t, o in enumerate(channels):
                for p in range(tile.columns):
                    T.buffer_store(acc, buffers["bias"][o], [t * tile.columns + p])
            for r, row in enumerate(rows):
                with tiles(layer.pieces, 1) as piece:
                    start = column * layer.column_step + group * layer.group_step + piece * layer.piece_step
                    data = [(row, start + p * layer.column_step) for p in range(tile.columns)]
                    taps = channel * per_channel + r * per_row + piece * layer.run
                    weights = [(buffers["weight"], taps + t * per_channel) for t in range(tile.channels)]
                    dot(acc, weights, data, layer.run, tile, requantizer.wraps)
            for t, (multiplier, shift) in enumerate(pairs):
                for p in range(tile.columns):
                    value = requantizer.emit(acc[t * tile.columns + p], multiplier, shift)
                    store_int8(buffers["out"], (column + p) * out_channels + channels[t], value)

        for_columns(layer.columns, tile.columns, columns, lambda x, n: outputs(x, replace(tile, columns=n)))


def emit_dot(
    acc: Buffer,
    weights: Sequence[Address],
    data: Sequence[Address],
    length: int,
    tile: TileSize,
    wraps: bool,
    zero_point: int = 0,
) -> None:
    """Emit ``acc[t, p] += sum over k of weights[t][k] * (data[p][k] - zero_point)`` for a tile, in one loop.

    Parameters
    ----------
    acc : Buffer
        int32, ``len(weights) * len(data)`` of them.
    weights, data : sequence of (Buffer, Expr)
        Where each vector starts.
    length : int
        Elements of each vector; nothing beyond is read.
    tile : TileSize
        Unrolling, of which there is none here.
    wraps : bool
        Whether sums may leave int32.
    zero_point : int
        Subtracted from the data.
    """
    with loop("k", 0, length) as k:
        emit_products(acc, weights, data, k, wraps, zero_point)


def emit_products(
    acc: Buffer, weights: Sequence[Address], data: Sequence[Address], k: Expr, wraps: bool, zero_point: int
) -> None:
    """Emit the products of elements `k`; see :func:`emit_dot`."""
    values = [bind("value", int32_at(b, i + k) - zero_point) for b, i in data]
    for t, (b, i) in enumerate(weights):
        factor = bind("factor", int32_at(b, i + k))
        for p, value in enumerate(values):
            accumulate(acc, t * len(data) + p, value * factor, wraps)
