"""The bodies of frames, as ``templates/firmware/service.h`` defines them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum


class Type(IntEnum):
    """What a frame is."""

    HELLO = 0x01
    BEGIN = 0x02
    WRITE = 0x03
    RUN = 0x04
    NUDGE = 0x05
    READ = 0x06
    PROFILE = 0x07
    RESET = 0x08
    ROW = 0x09
    READY = 0x40
    FINISHED = 0x41
    WANTED = 0x42
    ERROR = 0xFF


ANSWER = 0x80
"""Added to a request's type in its answer."""


class RefusalCode(IntEnum):
    """Why a request is refused."""

    VERSION = 1
    SESSION = 2
    TAKEN = 3
    REQUEST = 4
    RANGE = 5
    INPUTS = 6
    NO_RUN = 7
    MEMORY = 8
    ROWS = 9


class Unit(IntEnum):
    """What a board's counter counts."""

    INSTRUCTIONS = 1
    CYCLES = 2
    NANOSECONDS = 3


NO_STACK = 0xFFFFFFFF
"""Stands for a stack that cannot be measured."""

_HELLO = struct.Struct("<IIIIHBBHH")
_RESULT = struct.Struct("<iIQII")
_WANTED = struct.Struct("<IIIII")


@dataclass(frozen=True)
class Hello:
    """What firmware says of itself.

    Attributes
    ----------
    artifact : int
        CRC-32 of the artifact that it was built from; see :func:`microtvm_project.artifact.fingerprint`.
    arena_bytes, num_operators, num_inputs, num_outputs : int
        As the model itself says.
    clock_hz : int
        Of the counter; 0 where time means nothing.
    most_bytes : int
        The longest body that it takes and sends.
    unit : Unit
        Of the counter.
    profile : bool
        Whether the model calls profile hooks.
    name : str
        Of the model.
    """

    artifact: int
    arena_bytes: int
    num_operators: int
    clock_hz: int
    most_bytes: int
    unit: Unit
    profile: bool
    num_inputs: int
    num_outputs: int
    name: str

    @classmethod
    def parse(cls, body: bytes) -> Hello:
        """Read HELLO's answer.

        Raises
        ------
        ValueError
            It is malformed.
        """
        artifact, arena, operators, hz, most, unit, profile, inputs, outputs = _unpack(
            _HELLO, body, exact=False
        )
        if most < 64:
            raise ValueError(f"frames of {most} bytes")
        name = body[_HELLO.size :].decode("ascii", "replace")
        return cls(artifact, arena, operators, hz, most, Unit(unit), bool(profile), inputs, outputs, name)


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes
    ----------
    status : int
        What the model's run function returned.
    intact : bool
        Whether nothing was written outside the arena, as far as the board can tell.
    cost : int
        In the counter's unit; without the time spent waiting for rows.
    rows_read : int
        Rows fetched, of all inputs.
    stack_bytes : int or None
        High-water mark of the model's stack, where measured.
    """

    status: int
    intact: bool
    cost: int
    rows_read: int
    stack_bytes: int | None

    @classmethod
    def parse(cls, body: bytes) -> Result:
        """Read FINISHED.

        Raises
        ------
        ValueError
            It is malformed.
        """
        status, flags, cost, rows, stack = _unpack(_RESULT, body)
        return cls(status, bool(flags & 1), cost, rows, None if stack == NO_STACK else stack)


@dataclass(frozen=True)
class Wanted:
    """A piece of a row that a run waits for.

    Attributes
    ----------
    serial : int
        To be sent back with it.
    source, row, offset, count : int
        Which input, counted among those that are fetched, which row, and which bytes of it.
    """

    serial: int
    source: int
    row: int
    offset: int
    count: int

    @classmethod
    def parse(cls, body: bytes) -> Wanted:
        """Read WANTED.

        Raises
        ------
        ValueError
            It is malformed.
        """
        return cls(*_unpack(_WANTED, body))

    def answer(self, data: bytes, status: int = 0) -> bytes:
        """Return the body of a ROW."""
        return struct.pack("<Ii", self.serial, status) + data


def numbers(*values: int) -> bytes:
    """Lay out 32-bit numbers."""
    return struct.pack(f"<{len(values)}I", *values)


def counts(body: bytes) -> list[int]:
    """Read PROFILE's answer.

    Raises
    ------
    ValueError
        It is malformed.
    """
    if len(body) % 8:
        raise ValueError(f"{len(body)} bytes of counts")
    return list(struct.unpack(f"<{len(body) // 8}Q", body))


def error(body: bytes) -> tuple[int, str]:
    """Read an ERROR: its code, and its text, which may be empty.

    Raises
    ------
    ValueError
        It is malformed.
    """
    (code,) = _unpack(struct.Struct("<I"), body, exact=False)
    return code, body[4:].decode("ascii", "replace")


def _unpack(layout: struct.Struct, body: bytes, exact: bool = True) -> tuple[int, ...]:
    if len(body) < layout.size or (exact and len(body) != layout.size):
        raise ValueError(f"a body of {len(body)} bytes")
    return layout.unpack_from(body)
