"""What a variant of a kernel takes, estimated from the code that it prints, so that variants can be compared.

Instructions on a core that issues one in a cycle, cycles on one that issues two.  Memory is taken to answer at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from tvm_patch.kernels.c.arm.column_pairs import LANES, column_pairs
from tvm_patch.kernels.c.arm.dot_tile import DotTile
from tvm_patch.kernels.c.arm.scheduling import cycles_of
from tvm_patch.kernels.c.arm.taps_tile import TapsTile, taps_tile

_CALL = 30
"""Of a call with its arguments, and registers saved and loaded; on neither core two at a time."""
_GROUP = 18
"""Of a group of channels besides its steps and what each output takes."""
_LOOP = 3
"""Of the end of a loop."""
_WIDENED = 4.5
"""Of four inputs of a pixel that are widened to the scratch."""


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
    group = quads * tile.step_bytes / 4 + loops + _GROUP
    return _CALL + (groups * group + _WIDENED * widened) / (2 if tile.dual else 1)


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
    gather, channel, outputs = _parts(tile, channels)
    return 2 * _CALL + columns * gather + LANES * (channel + tiles * outputs)


@lru_cache(maxsize=1024)
def _parts(tile: TapsTile, channels: int) -> tuple[int, int, int]:
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


def _effort(lines: Sequence[str], dual: bool) -> int:
    return cycles_of(lines) if dual else len(lines)
