"""What a variant of a kernel takes, estimated from the code that it prints, so that variants can be compared.

Cycles by the model of the core (``docs/cycles.md``); of memory, weights that are read from flash again for every tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from tvm_patch.kernels.c.arm.column_pairs import LANES, column_pairs
from tvm_patch.kernels.c.arm.dot_steps_dual import DUAL_STEPS
from tvm_patch.kernels.c.arm.dot_tile import DotTile
from tvm_patch.kernels.c.arm.taps_tile import TapsTile, taps_tile
from tvm_patch.kernels.c.arm.widen import widen
from tvm_patch.targets.pipeline import block_cost

_CALL = 50
"""Of a call with its arguments, and registers saved and loaded."""
_GROUP = 24
"""Of a group of channels besides its steps and what each output takes."""
_LOOP = 5
"""Of the end of a loop."""
_RESCALING = 8
"""Bytes of a channel's rescaling in the stream of weights."""
_CACHE = {True: 14 * 1024, False: 0}
"""Bytes of weights that stay near the core from tile to tile, by whether it issues two instructions: of the 16 KB of a
Cortex-M7 most; an M4's flash accelerator holds none."""
_WAITS = {True: 14 / 32, False: 1 / 4}
"""Cycles that a byte of other weights is waited for."""
_CHANNELS_LIKE = 64
"""Channels that depthwise code is priced with; only whether words are odd ones matters to a core."""
_RUN = 4
"""Steps by which one is priced."""


def dot_effort(tile: DotTile, quads: int, groups: int, widened: int) -> float:
    """Return the effort of a tile of pixels with all its channels.

    Parameters
    ----------
    tile : DotTile
    quads : int
        Fours of inputs of an output.
    groups : int
        Groups of channels.
    widened : int
        Fours of inputs that are widened for it, of all pixels.
    """
    loops = 0 if tile.straight else quads / tile.unroll * _LOOP
    step, wide = _steps(tile)
    stream = groups * tile.channels * (4 * quads + _RESCALING)
    waits = stream * _WAITS[tile.dual] if stream > _CACHE[tile.dual] else 0
    return _CALL + groups * (quads * step + loops + _GROUP) + widened * wide + waits


@lru_cache(maxsize=1024)
def _steps(tile: DotTile) -> tuple[float, float]:
    """Return the effort of four inputs of a tile, and of widening four inputs of a pixel."""
    dual = DUAL_STEPS[tile.channels, tile.pixels, tile.direct].instructions
    one = tuple(dual() if tile.dual else tile.step())
    wide = _sections(widen(tile.pixels, dual=tile.dual, joined=tile.joined).assembly)["1:"]
    # A run of steps, as they follow each other; two fours of every pixel are widened in a turn.
    return _effort(_RUN * one, tile.dual) / _RUN, _effort(wide, tile.dual) / (2 * tile.pixels)


def like(tile: TapsTile) -> TapsTile:
    """Return the tile that stands for all that differ in their channels only, which take the same time."""
    return replace(tile, out_step=_CHANNELS_LIKE)


def taps_effort(tile: TapsTile, tiles: int, columns: int, channels: int) -> float:
    """Return the effort of four channels of a block of outputs.

    Parameters
    ----------
    tile : TapsTile
    tiles : int
        Register tiles of the block.
    columns : int
        Columns of the input that are rearranged for it.
    channels : int
        Bytes from one column of the input to the next.
    """
    gather, channel, outputs = _parts(like(tile), _CHANNELS_LIKE + channels % 8)
    return 2 * _CALL + columns * gather + LANES * (channel + tiles * outputs)


@lru_cache(maxsize=1024)
def _parts(tile: TapsTile, channels: int) -> tuple[float, float, float]:
    """Return the effort of a column that is rearranged, of a channel's head, and of a tile of outputs."""
    pairs = column_pairs(tile.rows, channels, side_by_side=tile.interleaved, dual=tile.dual)
    code = _sections(taps_tile(tile).assembly)
    channel, outputs = ((), code["1:"]) if tile.whole else (code["1:"], code["2:"])
    gather = _sections(pairs.assembly)["1:"]
    return _effort(gather, tile.dual), _effort(channel, tile.dual), _effort(outputs, tile.dual)


def _sections(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return code by the label before it."""
    out: dict[str, tuple[str, ...]] = {}
    label = ""
    for line in lines:
        if line.endswith(":"):
            label = line
        else:
            out[label] = (*out.get(label, ()), line)
    return out


def _effort(lines: tuple[str, ...], dual: bool) -> float:
    return block_cost(lines, "cortex-m7" if dual else "cortex-m4").cycles
