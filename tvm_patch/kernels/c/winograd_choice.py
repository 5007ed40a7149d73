"""When Winograd's kernel is faster than dot products, by the cycles of both and their waits for flash.

Winograd's weights are 2.67 times as large, and pass by once for every block of tiles.  Where a block is four tiles, or
eight columns, wide, that costs no more than direct weights for every three columns; where it is narrower, weights that
fit no cache may eat up what multiplications save.

The rates are those of single layers by the cycle model (``docs/cycles.md``): 4 to 64 channels, rows of 4 to 16 columns.
Of 368 such layers on three boards the choice makes one slower, by 3 %, and leaves out 30 that would be faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DIRECT_BYTES, _WINOGRAD_BYTES = 9, 24
"""Of flash, for an input and an output channel."""
_DIRECT_COLUMNS = 3
"""Columns of a tile of dot products."""


@dataclass(frozen=True)
class Rates:
    """Cycles of a core's kernels where memory answers at once, everything included, and waits for flash.

    Attributes
    ----------
    direct : float
        Cycles of a multiply-accumulate by dot products.
    tiles : mapping of int to float
        Cycles of one that Winograd's tiles stand for, by how many tiles a block has.
    byte : float
        Cycles that a byte of weights waits for flash.
    caches : tuple of int
        Bytes of the smallest data cache and of the largest, among the boards.
    """

    direct: float
    tiles: Mapping[int, float]
    byte: float
    caches: tuple[int, int]


SINGLE = Rates(1.1, {2: 0.95, 3: 0.88, 4: 0.83}, 5 / 16, (0, 0))
"""Cortex-M4: lines of 16 bytes wait five cycles on an STM32L4R5 and an F446."""
DUAL = Rates(0.65, {2: 0.45, 3: 0.43, 4: 0.42}, 9 / 32, (4096, 16384))
"""Cortex-M7: lines of 32 bytes wait nine cycles on an STM32H7A3."""


def pays(rates: Rates, blocks: Sequence[tuple[int, int]], width: int, inputs: int, outputs: int) -> bool:
    """Tell whether Winograd's kernel takes fewer cycles for a row.

    Parameters
    ----------
    rates : Rates
        Of the core.
    blocks : sequence of (int, int)
        Tiles of a block, and how many such blocks cover the row.
    width : int
        Columns of the row.
    inputs, outputs : int
        Channels.
    """
    if any(tiles not in rates.tiles for tiles, _ in blocks):
        return False
    channels = inputs * outputs
    _, largest = rates.caches
    # What one board's cache may hold of the direct weights, and another's may not of the others.
    direct = _DIRECT_BYTES * channels
    direct_waits = -(-width // _DIRECT_COLUMNS) * direct * rates.byte if direct > largest else 0.0
    return row_cycles(rates, blocks, inputs, outputs) < width * 9 * channels * rates.direct + direct_waits


def row_cycles(rates: Rates, blocks: Sequence[tuple[int, int]], inputs: int, outputs: int) -> float:
    """Return the cycles of a row in Winograd's tiles; parameters are those of :func:`pays`."""
    channels = inputs * outputs
    winograd = _WINOGRAD_BYTES * channels
    waits = sum(n for _, n in blocks) * winograd * rates.byte if winograd > rates.caches[0] else 0.0
    # A single tile saves nothing.
    columns = sum(2 * tiles * n * rates.tiles.get(tiles, rates.direct) for tiles, n in blocks)
    return columns * 9 * channels + waits
