"""Cycles, and what they are spent on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Cycles:
    """An estimate of a core's cycles.

    Attributes
    ----------
    issue : int
        If every operand and all of memory were there.
    result_stalls : int
        Waiting for results of other instructions.
    unaligned : int
        Loads whose address is no multiple of their size.
    fetch : int
        Waiting for instructions from flash.
    flash_data, ram_data : int
        Waiting for constants from flash, and for tensors where RAM has wait states.
    """

    issue: int = 0
    result_stalls: int = 0
    unaligned: int = 0
    fetch: int = 0
    flash_data: int = 0
    ram_data: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(astuple(self))


def add(parts: Iterable[Cycles]) -> Cycles:
    """Return the sum, part by part."""
    return Cycles(*(sum(column) for column in zip(*map(astuple, parts), strict=True)))
