"""Bounds-checked access to a flatbuffer.

The generated accessors trust the file: a bad offset there reads somewhere else, a negative one slices from
the end.  Here every offset, length and vtable is checked against the file before it is followed, so that a
corrupt file ends in :class:`~tvm_patch.errors.ModelFormatError` and nothing else.

A hostile file can also let a million tables share the same bytes.  An honest one is read about once, so what
is decoded counts against a budget in proportion to the file's length; this bounds time and memory together.
"""

from __future__ import annotations

import struct

import numpy as np

from tvm_patch.errors import ModelFormatError

_SCALARS: dict[str, struct.Struct] = {
    "bool": struct.Struct("<B"),
    "int8": struct.Struct("<b"),
    "uint8": struct.Struct("<B"),
    "uint16": struct.Struct("<H"),
    "int32": struct.Struct("<i"),
    "uint32": struct.Struct("<I"),
    "uint64": struct.Struct("<Q"),
    "float32": struct.Struct("<f"),
}

_TABLE_COST = (
    32  # bytes that a table with its vtable, its place in a vector and a field or two takes at least
)


class File:
    """The bytes of a flatbuffer and what may still be read of them.

    Parameters
    ----------
    data : bytes
        The whole file.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._budget = 4 * len(data) + (1 << 16)

    def __len__(self) -> int:
        return len(self.data)

    def spend(self, cost: int) -> None:
        """Count `cost` bytes as decoded; ModelFormatError once that is far more than the file holds."""
        self._budget -= cost
        if self._budget < 0:
            raise ModelFormatError("corrupt: many parts of the file share the same bytes")

    def scalar(self, kind: str, position: int, what: str) -> int | float:
        """Read one number of type `kind` at `position`."""
        form = _SCALARS[kind]
        if position < 0 or position + form.size > len(self.data):
            raise ModelFormatError(f"corrupt or truncated: {what} lies outside the file")
        value: int | float = form.unpack_from(self.data, position)[0]
        return value

    def integer(self, kind: str, position: int, what: str) -> int:
        """Read one integer of type `kind` at `position`."""
        return int(self.scalar(kind, position, what))

    def follow(self, position: int, what: str) -> int:
        """Return where the offset stored at `position` points."""
        offset = self.integer("uint32", position, what)
        target = position + offset
        if offset == 0 or target >= len(self.data):
            raise ModelFormatError(f"corrupt or truncated: {what} points outside the file")
        return target

    def root(self, what: str) -> Table:
        """Return the root table."""
        return Table(self, self.follow(0, what), what)


class Table:
    """One table of a flatbuffer; fields are named by their id in the schema.

    Parameters
    ----------
    file : File
        The file.
    position : int
        Where the table starts.
    what : str
        What the table is, for messages.

    Raises
    ------
    ModelFormatError
        Here and in every method: something lies outside the file.
    """

    def __init__(self, file: File, position: int, what: str) -> None:
        file.spend(_TABLE_COST)
        self._file, self._position, self.what = file, position, what
        vtable = position - file.integer("int32", position, what)
        vtable_size = file.integer("uint16", vtable, what)
        table_size = file.integer("uint16", vtable + 2, what)
        if (
            vtable_size < 4
            or vtable_size % 2
            or table_size < 4
            or vtable + vtable_size > len(file)
            or position + table_size > len(file)
        ):
            raise ModelFormatError(f"corrupt: {what} has a malformed table header")
        self._vtable, self._vtable_size, self._table_size = vtable, vtable_size, table_size

    def _find(self, field: int, size: int) -> int | None:
        """Return where `field`, of `size` bytes, is stored; None where the file leaves it at its default."""
        slot = 4 + 2 * field
        if slot + 2 > self._vtable_size:
            return None
        offset = self._file.integer("uint16", self._vtable + slot, self.what)
        if offset == 0:
            return None
        if offset < 4 or offset + size > self._table_size:
            raise ModelFormatError(f"corrupt: field {field} of {self.what} lies outside its table")
        return self._position + offset

    def has(self, field: int) -> bool:
        """Whether the file stores `field` at all."""
        return self._find(field, 1) is not None

    def integer(self, field: int, kind: str, default: int = 0) -> int:
        """Return an integer field of type `kind`."""
        position = self._find(field, _SCALARS[kind].size)
        return default if position is None else self._file.integer(kind, position, self.what)

    def real(self, field: int, default: float = 0.0) -> float:
        """Return a float32 field; it may be infinite or NaN."""
        position = self._find(field, 4)
        return default if position is None else float(self._file.scalar("float32", position, self.what))

    def table(self, field: int, what: str) -> Table | None:
        """Return the table that `field` refers to."""
        position = self._find(field, 4)
        if position is None:
            return None
        return Table(self._file, self._file.follow(position, what), what)

    def _vector(self, field: int, item_size: int, what: str) -> tuple[int, int] | None:
        """Return start and length in items of a vector."""
        position = self._find(field, 4)
        if position is None:
            return None
        start = self._file.follow(position, what)
        length = self._file.integer("uint32", start, what)
        start += 4
        if start + length * item_size > len(self._file):
            raise ModelFormatError(f"corrupt or truncated: {what} is longer than the file")
        return start, length

    def tables(self, field: int, what: str) -> list[Table]:
        """Return the tables of a vector, empty where absent; the k-th is called "`what` k" in messages."""
        found = self._vector(field, 4, f"the list of {what}s")
        if found is None:
            return []
        start, length = found
        self._file.spend(_TABLE_COST * length)
        return [
            Table(self._file, self._file.follow(start + 4 * i, f"{what} {i}"), f"{what} {i}")
            for i in range(length)
        ]

    def numbers(self, field: int, dtype: str, what: str) -> np.ndarray | None:
        """Return a vector of numbers as an array of numpy type `dtype`, None where absent."""
        form = np.dtype(dtype).newbyteorder("<")
        found = self._vector(field, form.itemsize, what)
        if found is None:
            return None
        start, length = found
        self._file.spend(length * form.itemsize)
        return np.frombuffer(self._file.data, form, length, start).astype(dtype)

    def indices(self, field: int, what: str) -> tuple[int, ...]:
        """Return a vector of int32 as plain integers, empty where absent."""
        found = self.numbers(field, "int32", what)
        return () if found is None else tuple(int(value) for value in found)

    def raw(self, field: int, what: str) -> bytes | None:
        """Return a vector of bytes, None where absent."""
        found = self._vector(field, 1, what)
        if found is None:
            return None
        start, length = found
        self._file.spend(length)
        return self._file.data[start : start + length]

    def string(self, field: int, what: str) -> str:
        r"""Return a string, empty where absent.

        Bytes that are not UTF-8 and characters that cannot be printed show as ``\xNN``: names are for people and
        for one-line messages, and a strange one harms nothing.
        """
        found = (self.raw(field, what) or b"").decode("utf-8", errors="backslashreplace")
        if found.isprintable():
            return found
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in found)
