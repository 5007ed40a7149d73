"""What a board's memories cost: caches, and cycles that the core waits for a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cache:
    """A cache whose lines are replaced by age.

    Attributes
    ----------
    sets, ways : int
        Lines are found by the lowest bits of their number; so many share them.
    line : int
        Bytes.
    """

    sets: int
    ways: int
    line: int

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.sets * self.ways * self.line


NO_CACHE = Cache(0, 0, 16)


@dataclass(frozen=True)
class MemoryTiming:
    """Caches and waiting times of a board at its clock.

    Attributes
    ----------
    instruction, data : Cache
        Of instructions, and of constants in flash; the data cache of a Cortex-M7 serves RAM as well.
    flash_line : float
        Cycles that the core waits for a line from flash.
    ram_line : float
        Cycles that it waits for a line from RAM; 0 where RAM answers at once.
    unaligned : float
        Cycles of a load whose address is no multiple of its size, beyond those of another.
    tightly_coupled : int
        Bytes of RAM that answer at once and need no cache.
    """

    instruction: Cache
    data: Cache
    flash_line: float
    ram_line: float
    unaligned: float
    tightly_coupled: int = 0


def cortex_m7_caches(kib: int) -> tuple[Cache, Cache]:
    """Return instruction and data cache of so many KiB: lines of 32 bytes, two ways and four (Arm DDI 0489)."""
    return Cache(16 * kib, 2, 32), Cache(8 * kib, 4, 32)


def first_word(wait_states: int, per_bus_cycle: int = 1) -> float:
    """Return the cycles that a Cortex-M7 waits for a line: the access to its memory, and two cycles on the way.

    The word that is asked for comes first, and others of its line are read as they come (Arm DDI 0489, 5.9); code that
    reads no faster than the bus delivers does not wait for them.

    Parameters
    ----------
    wait_states : int
        Of the memory, in cycles of the bus.
    per_bus_cycle : int
        Cycles of the core in one of the bus.
    """
    return float((wait_states + 1 + 2) * per_bus_cycle)
