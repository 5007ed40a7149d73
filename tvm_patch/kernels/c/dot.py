"""Dot products four elements at a time: two SMLAD for two words widened to pairs of int16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from tvm_patch.kernels.dot import Address, TileSize, emit_products
from tvm_patch.kernels.ir import call, load4
from tvm_patch.kernels.named import bind, loop
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_QUAD = 4
_MOST_SUMS = 8


def tile_of(config: Mapping[str, Any]) -> TileSize:
    """Return the register tile that a config stands for."""
    return TileSize(config["tile_channels"], config["tile_columns"], config["unroll"], config["flatten"])


def tile_candidates() -> list[dict[str, Any]]:
    """Return tiles of up to eight sums."""
    return [
        {"tile_channels": channels, "tile_columns": columns, "unroll": unroll, "flatten": flatten}
        for channels, columns in product((1, 2, 4), (1, 2, 3, 4))
        if channels * columns <= _MOST_SUMS
        for unroll in (1, 2, 4)
        for flatten in (0, 4)
    ]


def emit_packed_dot(
    acc: Buffer,
    weights: Sequence[Address],
    data: Sequence[Address],
    length: int,
    tile: TileSize,
    wraps: bool,
    zero_point: int = 0,
) -> None:
    """Emit a tile of dot products; see :func:`tvm_patch.kernels.dot.emit_dot`."""

    def quad(k: Expr) -> None:
        pairs = [_widen(load4(b, i + k), -zero_point) for b, i in data]
        for t, (b, i) in enumerate(weights):
            factors = _widen(load4(b, i + k), 0)
            for half in range(2):
                for p, pair in enumerate(pairs):
                    slot = t * len(data) + p
                    T.buffer_store(
                        acc, call("int32", "tvmp_smlad", factors[half], pair[half], acc[slot]), [slot]
                    )

    quads = length // _QUAD
    looped = 0 if quads <= tile.flatten else quads - quads % tile.unroll
    if looped:
        with loop("step", 0, looped // tile.unroll) as step:
            for u in range(tile.unroll):
                quad((step * tile.unroll + u) * _QUAD)
    for q in range(looped, quads):
        quad(T.int32(q * _QUAD))
    for k in range(quads * _QUAD, length):
        emit_products(acc, weights, data, T.int32(k), wraps, zero_point)


def _widen(word: Expr, add: int) -> tuple[Expr, Expr]:
    """Emit the bytes of a word as two words of two int16 (bytes 0 and 2, 1 and 3), `add` added to each."""
    if add == 0:
        return bind("even", call("uint32", "tvmp_sxtb16", word)), bind(
            "odd", call("uint32", "tvmp_sxtb16_ror8", word)
        )
    both = T.uint32((add & 0xFFFF) * 0x10001)
    return (
        bind("even", call("uint32", "tvmp_sxtab16", both, word)),
        bind("odd", call("uint32", "tvmp_sxtab16_ror8", both, word)),
    )
