"""Sections and symbols of an ELF file, as much as reports need; saves a call of binutils."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_SYMTAB = 2
_FUNCTION = 2


@dataclass(frozen=True)
class Symbol:
    """A symbol: address (Thumb bit cleared) and size in bytes, whether it is a function, and its section's name."""

    name: str
    address: int
    size: int
    is_function: bool
    section: str = ""


@dataclass(frozen=True)
class Elf:
    """What was read: bytes of each allocated section by name, and the symbols that have a name."""

    sections: dict[str, int]
    symbols: tuple[Symbol, ...]


def function_at(symbols: Iterable[Symbol], address: int) -> str | None:
    """Name the function that holds an address."""
    for symbol in symbols:
        if symbol.is_function and symbol.address <= address & ~1 < symbol.address + symbol.size:
            return symbol.name
    return None


def read_elf(path: Path) -> Elf:
    """Read a 32-bit little-endian ELF file that a linker just made.

    Raises
    ------
    ValueError
        It is something else.
    """
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x01\x01":
        raise ValueError(f"{path}: not a 32-bit little-endian ELF file")
    table, entry, count, names_index = (
        struct.unpack_from("<I", data, 32)[0],
        *struct.unpack_from("<HHH", data, 46),
    )
    # name, type, flags, address, offset, size, link, info, alignment, entry size
    headers = [struct.unpack_from("<10I", data, table + i * entry) for i in range(count)]
    names = headers[names_index][4]
    titles = [_text(data, names + h[0]) for h in headers]
    sections = {_text(data, names + h[0]): h[5] for h in headers if h[2] & 2}
    symbols: list[Symbol] = []
    for header in headers:
        if header[1] != _SYMTAB:
            continue
        strings = headers[header[6]][4]
        for at in range(header[4], header[4] + header[5], 16):
            name, value, size, info, _, index = struct.unpack_from("<IIIBBH", data, at)
            if name:
                is_function = info & 15 == _FUNCTION
                address = value & ~1 if is_function else value
                section = titles[index] if index < len(titles) else ""
                symbols.append(Symbol(_text(data, strings + name), address, size, is_function, section))
    return Elf(sections, tuple(symbols))


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("ascii", "replace")
