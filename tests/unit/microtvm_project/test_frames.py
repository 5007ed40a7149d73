"""Frames: what they look like, and that no damage to them goes unnoticed."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtvm_project.protocol import Decoder, Frame, Hello, Result, Unit, Wanted, encode
from microtvm_project.protocol.frames import MOST_BYTES
from microtvm_project.protocol.messages import counts, error

FRAMES = st.builds(
    Frame,
    type=st.integers(0, 255),
    sequence=st.integers(0, 2**16 - 1),
    session=st.integers(0, 2**32 - 1),
    body=st.binary(max_size=600) | st.integers(0, 600).map(bytes),
    version=st.integers(0, 255),
)


def test_layout():
    """COBS by hand: before each zero stands how far it is."""
    raw = bytes([1, 0x03, 0x34, 0x12, 0x78, 0x56, 0, 0xAB, 0x2A])
    raw += struct.pack("<I", zlib.crc32(raw))
    assert 0 not in raw[7:]
    line = encode(Frame(type=3, sequence=0x1234, session=0xAB005678, body=b"\x2a"))
    assert line == bytes([7]) + raw[:6] + bytes([7]) + raw[7:] + b"\0"


@given(st.lists(FRAMES, max_size=5), st.data())
def test_frames_survive_any_cutting_of_the_stream(frames, data):
    stream = b"".join(encode(f) for f in frames)
    decoder, found, at = Decoder(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, max(1, len(stream) // 3)))
        found += decoder.feed(stream[at : at + size])
        at += size
    assert found == frames
    assert decoder.damaged == 0


@given(FRAMES, st.data())
def test_a_damaged_frame_is_dropped_and_the_next_one_is_found(frame, data):
    line = encode(frame)
    at = data.draw(st.integers(0, len(line) - 1))
    kind = data.draw(st.sampled_from(["flip", "drop", "repeat"]))
    if kind == "flip":
        damaged = line[:at] + bytes([line[at] ^ data.draw(st.integers(1, 255))]) + line[at + 1 :]
    elif kind == "drop":
        damaged = line[:at] + line[at + 1 :]
    else:
        damaged = line[: at + 1] + line[at:]
    after = Frame(9, 9, 9, b"after")
    found = Decoder().feed(damaged + b"\0" + encode(after))
    # Zeros are ends only: one more of them is no damage, and one byte repeated in a run of the same is the same run.
    assert found in ([after], [frame, after])
    assert found == [after] or kind == "repeat" or at == len(line) - 1


def test_noise_is_counted_and_not_kept():
    decoder = Decoder()
    assert decoder.feed(b"\1" * (3 * MOST_BYTES)) == []
    assert len(decoder._kept) <= MOST_BYTES
    assert decoder.feed(b"\0" + encode(Frame(1, 2, 3))) == [Frame(1, 2, 3)]
    assert decoder.damaged == 1


def test_short_frames_are_none():
    for length in range(12):
        raw = bytes(length)
        decoder = Decoder()
        assert decoder.feed(bytes([1] * (length + 1)) + b"\0") == [], raw
        assert decoder.damaged == 1


def test_bodies():
    hello = struct.pack("<IIIIHBBHH", 7, 128, 3, 0, 4096, 1, 1, 1, 2) + b"tiny"
    assert Hello.parse(hello) == Hello(7, 128, 3, 0, 4096, Unit.INSTRUCTIONS, True, 1, 2, "tiny")
    result = struct.pack("<iIQII", -3, 1, 1 << 40, 9, 0xFFFFFFFF)
    assert Result.parse(result) == Result(-3, True, 1 << 40, 9, None)
    wanted = Wanted.parse(struct.pack("<5I", 5, 0, 7, 0, 4))
    assert wanted == Wanted(5, 0, 7, 0, 4)
    assert wanted.answer(b"abcd") == b"\5\0\0\0\0\0\0\0abcd"
    assert counts(struct.pack("<2Q", 1, 1 << 40)) == [1, 1 << 40]
    assert error(b"\4\0\0\0no such request") == (4, "no such request")


@pytest.mark.parametrize(
    ("parse", "body"),
    [
        (Hello.parse, b"short"),
        (Hello.parse, struct.pack("<IIIIHBBHH", 0, 0, 0, 0, 4096, 77, 0, 0, 0)),  # no such unit
        (Hello.parse, struct.pack("<IIIIHBBHH", 0, 0, 0, 0, 8, 1, 0, 0, 0)),  # no room for anything
        (Result.parse, bytes(23)),
        (Wanted.parse, bytes(21)),
        (counts, bytes(9)),
        (error, bytes(3)),
    ],
)
def test_malformed_bodies_are_refused(parse, body):
    with pytest.raises(ValueError, match=r"body|unit|Unit|frames|bytes"):
        parse(body)
