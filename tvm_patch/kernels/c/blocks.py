"""In which order tiles of pixels meet the weights that stream past them.

One tile after the other, all with all weights, reads a stream that is larger than the data cache from flash again for
every tile.  Widened together, several tiles take one block of channels after the other, whose weights stay in the
cache meanwhile.  Where RAM goes through the cache as well, a block has to leave room for two tiles and for what is
read and written beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.targets import DataMemory

_CALL_CYCLES = 45
"""What a call of the inner function takes besides its work: arguments, registers saved and loaded."""
_MOST_OF_CACHE = 7 / 8
"""How much of the cache may be filled: lines do not spread evenly over its sets."""


@dataclass(frozen=True)
class Order:
    """How many tiles are widened together, and how many groups of channels they take at a time."""

    tiles: int
    groups: int


@dataclass(frozen=True)
class StreamedRow:
    """A row of tiles and the stream that all of them take.

    Attributes
    ----------
    group_bytes, groups : int
        Of the stream, and how many groups of channels it has.
    tile_bytes, tiles : int
        Of a widened tile, and how many tiles there are.
    beside_bytes : int
        What of the input and the output belongs to a tile.
    """

    group_bytes: int
    groups: int
    tile_bytes: int
    tiles: int
    beside_bytes: int

    @property
    def one_by_one(self) -> Order:
        """Every tile with the whole stream."""
        return Order(1, self.groups)

    def waits(self, order: Order, memory: DataMemory) -> float:
        """Return the cycles of a row that depend on the order: waits for memory, and calls."""
        stream = self.group_bytes * self.groups
        blocks = -(-self.groups // order.groups)
        block = min(order.groups * self.group_bytes, stream)
        cached = memory.ram_line > 0
        beside = 2 * self.tile_bytes + self.beside_bytes if cached else 0
        stays = block + beside <= memory.cache * _MOST_OF_CACHE
        batches = -(-self.tiles // order.tiles)
        from_flash = stream * ((batches if blocks > 1 else 1) if stays else self.tiles)
        again = blocks if order.tiles * self.tile_bytes + block > memory.cache else 1
        from_ram = self.tile_bytes * self.tiles * again if cached else 0
        lines = from_flash * memory.flash_line + from_ram * memory.ram_line
        return lines / memory.line + self.tiles * blocks * _CALL_CYCLES

    def best(self, most_tiles: int, memory: DataMemory) -> Order:
        """Return the order that waits least, with at most so many tiles widened together."""
        orders = [self.one_by_one]
        for blocks in range(1, self.groups + 1):
            groups = -(-self.groups // blocks)
            orders += [
                Order(tiles, groups) for tiles in {2, min(most_tiles, self.tiles)} if 2 <= tiles <= most_tiles
            ]
        return min(orders, key=lambda order: (self.waits(order, memory), order.tiles))
