"""What constants in flash cost the core, and the cache before them."""

from __future__ import annotations

from dataclasses import dataclass, replace

STACK_BYTES = 4096
"""What is reckoned for the stack where RAM is counted."""


@dataclass(frozen=True)
class DataMemory:
    """A board's memories as code reads data from them.

    Attributes
    ----------
    cache : int
        Bytes of the data cache; 0 for none.
    line : int
        Bytes that come from flash at once.
    flash_line, ram_line : float
        Cycles that the core waits for a line from flash and from RAM; RAM that answers at once is not cached.
    tightly_coupled : int
        Bytes of RAM that answer at once.
    """

    cache: int
    line: int
    flash_line: float
    ram_line: float
    tightly_coupled: int = 0

    def with_ram_of(self, size: int) -> DataMemory:
        """Return the memories as they are for code whose data in RAM, without the stack, takes `size` bytes."""
        fits = size + STACK_BYTES <= self.tightly_coupled
        return replace(self, ram_line=0.0) if fits else self
