"""GNU ld's map file: how many bytes of each memory are whose."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from tvm_patch.errors import UserError

_REGION = re.compile(r"^(\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+\S+)?$")
_OUTPUT = re.compile(r"^(\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+load address 0x([0-9a-f]+))?$")
_INPUT = re.compile(r"^ (\S+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?:\s+(\S.*))?$")
_LONG_NAME = re.compile(r"^ ?(\.?\S+)$")

NOBODY = ""
"""Stands for what fills gaps."""


@dataclass(frozen=True)
class MemoryRegion:
    """A memory of the linker script: first address and bytes."""

    origin: int
    length: int

    def holds(self, address: int) -> bool:
        """Say whether an address lies in it."""
        return self.origin <= address < self.origin + self.length


@dataclass
class LinkMap:
    """What a map file says.

    Attributes
    ----------
    regions : dict of str to MemoryRegion
        Memories, by the linker script's names.
    used : dict of (str, str) to int
        Bytes by region and owner.
    """

    regions: dict[str, MemoryRegion] = field(default_factory=dict)
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    _ends: dict[str, int] = field(default_factory=dict)

    def total(self, region: str) -> int:
        """Return how many bytes of a region are used."""
        return sum(n for (r, _), n in self.used.items() if r == region)

    def _add(self, address: int, count: int, owner: str) -> None:
        for name, region in self.regions.items():
            if region.holds(address):
                self.used[name, owner] = self.used.get((name, owner), 0) + count
                self._ends[name] = max(self._ends.get(name, 0), address + count)
                return

    def _fill_gaps(self) -> None:
        """Count what lies between output sections: nobody can use it."""
        for name, end in self._ends.items():
            self.used[name, NOBODY] = self.used.get((name, NOBODY), 0) + (
                end - self.regions[name].origin - self.total(name)
            )


def read_map(file: Path, allocated: Collection[str], owner_of: Callable[[str, str], str]) -> LinkMap:
    """Read a map file.

    Parameters
    ----------
    file : Path
        Of GNU ld.
    allocated : collection of str
        Output sections that take memory; the others have addresses too.
    owner_of : callable
        Given an object file's name and the input section's, says whose it is.

    Raises
    ------
    UserError
        It cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as e:
        raise UserError(f"{file}: cannot be read ({e.strerror})") from e
    _, _, text = text.partition("\nMemory Configuration\n")
    memories, found, sections = text.partition("\nLinker script and memory map\n")
    if not found:
        raise UserError(f"{file} is not a map file of GNU ld")
    result = LinkMap()
    for line in memories.splitlines():
        match = _REGION.match(line)
        if match and match[1] != "*default*":
            result.regions[match[1]] = MemoryRegion(int(match[2], 16), int(match[3], 16))
    _read_sections(result, sections, allocated, owner_of)
    result._fill_gaps()
    return result


def _read_sections(
    result: LinkMap, text: str, allocated: Collection[str], owner_of: Callable[[str, str], str]
) -> None:
    active, moved, at = False, 0, 0
    end = 0
    for line in _joined(text):
        output = _OUTPUT.match(line)
        if output:
            if active:
                _fill(result, at, end, moved)
            active = output[1] in allocated and int(output[3], 16) > 0
            at = int(output[2], 16)
            end = at + int(output[3], 16)
            # What is copied at start takes memory in two places.
            moved = int(output[4], 16) - at if output[4] else 0
            continue
        piece = _INPUT.match(line)
        if not active or piece is None:
            continue
        address, count, source = int(piece[2], 16), int(piece[3], 16), piece[4] or ""
        if count == 0 or not at <= address < end or not source:
            continue
        _fill(result, at, address, moved)
        owner = owner_of(source, piece[1])
        result._add(address, count, owner)
        if moved:
            result._add(address + moved, count, owner)
        at = address + count
    if active:
        _fill(result, at, end, moved)


def _fill(result: LinkMap, start: int, end: int, moved: int) -> None:
    """Count what lies between two pieces: alignment, and what the linker script itself puts there."""
    if end > start:
        result._add(start, end - start, NOBODY)
        if moved:
            result._add(start + moved, end - start, NOBODY)


def _joined(text: str) -> list[str]:
    """Put lines together that are cut after a long name."""
    lines: list[str] = []
    waiting = ""
    for line in text.splitlines():
        if waiting and line.startswith("                0x"):
            lines.append(f"{waiting} {line.strip()}")
            waiting = ""
            continue
        waiting = ""
        if line and _LONG_NAME.match(line) and "*" not in line:
            waiting = line.rstrip()
            continue
        lines.append(line)
    return lines
