"""Frames over a stream of bytes: COBS around a header, a body and a CRC-32, ended by a zero byte.

COBS is Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999: it takes the zeros out, so that after any
damage the next zero is where a frame begins.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from cobs import cobs

VERSION = 1
"""Of the protocol; both sides refuse frames of another one."""

_HEADER = struct.Struct("<BBHI")
_CRC = struct.Struct("<I")

MOST_BYTES = 1 << 17
"""Longer runs of bytes without a zero are no frame, and are not kept."""


@dataclass(frozen=True)
class Frame:
    """A message.

    Attributes
    ----------
    type : int
        Which request, answer or event; see :class:`microtvm_project.protocol.Type`.
    sequence : int
        Number of the request, modulo 2^16.
    session : int
        Number of the session, 32 bits; 0 is none.
    body : bytes
        What the type says.
    version : int
        Of the protocol.
    """

    type: int
    sequence: int
    session: int
    body: bytes = b""
    version: int = VERSION


def encode(frame: Frame) -> bytes:
    """Return a frame as it goes over the line."""
    data = _HEADER.pack(frame.version, frame.type, frame.sequence, frame.session) + frame.body
    encoded: bytes = cobs.encode(data + _CRC.pack(zlib.crc32(data)))
    return encoded + b"\0"


class Decoder:
    """Finds the frames in a stream, whatever else is in it.

    Attributes
    ----------
    damaged : int
        How often there was something between two zeros that is no frame.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and return the frames that they end."""
        frames = []
        *ended, rest = data.split(b"\0")
        for piece in ended:
            self._kept += piece
            if self._kept:
                frame = _decode(bytes(self._kept))
                if frame is None:
                    self.damaged += 1
                else:
                    frames.append(frame)
            self._kept.clear()
        self._kept += rest
        if len(self._kept) > MOST_BYTES:
            # The rest of it, up to the next zero, will be no frame either.
            del self._kept[1:]
        return frames


def _decode(data: bytes) -> Frame | None:
    try:
        raw = cobs.decode(data)
    except cobs.DecodeError:
        return None
    if len(raw) < _HEADER.size + _CRC.size:
        return None
    checked, crc = raw[: -_CRC.size], raw[-_CRC.size :]
    if _CRC.unpack(crc)[0] != zlib.crc32(checked):
        return None
    version, kind, sequence, session = _HEADER.unpack_from(checked)
    return Frame(kind, sequence, session, checked[_HEADER.size :], version)
