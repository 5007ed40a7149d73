"""In which order tiles of pixels meet the weights that stream past them.

One tile after the other, all with all weights, reads a stream that is larger than the data cache from flash again for
every tile.  Widened together, several tiles take one block of channels after the other, whose weights stay in the
cache meanwhile.  Where RAM goes through the cache as well, a block has to leave room for two tiles and for what is
read and written beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.targets import DataMemory

_CALL_CYCLES = 60
"""What a call of the inner function takes besides its work: arguments, registers saved and loaded."""
_MOST_OF_CACHE = 7 / 8
"""How much of the cache may be filled: lines do not spread evenly over its sets."""

_LEAST_GAIN = 0.9
"""Another order is only taken if it waits for less than so much, for these are estimates."""


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

    def reads(self, order: Order, memory: DataMemory) -> int:
        """Return how often a row reads the stream from behind the cache; once where all of it stays there."""
        beside = 2 * self.tile_bytes + self.beside_bytes if memory.ram_line else 0
        if order.groups * self.group_bytes + beside > memory.cache * _MOST_OF_CACHE:
            return self.tiles
        return -(-self.tiles // order.tiles) if order.groups < self.groups else 1

    def waits(self, order: Order, memory: DataMemory) -> float:
        """Return the cycles of a row that depend on the order: waits for memory, and calls."""
        blocks = -(-self.groups // order.groups)
        widened = self.tile_bytes * order.tiles + self.group_bytes * order.groups
        from_flash = self.group_bytes * self.groups * self.reads(order, memory)
        from_ram = self.tile_bytes * self.tiles * (blocks if widened > memory.cache else 1)
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
        best = min(orders, key=lambda order: (self.waits(order, memory), order.tiles))
        gains = self.waits(best, memory) < _LEAST_GAIN * self.waits(self.one_by_one, memory)
        return best if gains else self.one_by_one
