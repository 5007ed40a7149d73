"""Others on the line: firmware that talks nonsense, and a second host."""

from __future__ import annotations

import time

import numpy as np
import pytest

from microtvm_project.protocol import Frame, Type, encode
from microtvm_project.protocol.messages import ANSWER, numbers
from microtvm_project.session import BoardTakenError, Link, Timing
from microtvm_project.transports import Transport
from tvm_patch.errors import BoardError


def read_for_ever(link: Link) -> None:
    while link._next(time.monotonic() + 2) is not None:
        pass


def test_a_frame_of_the_wrong_version_gets_an_error_with_ours(make_small):
    small = make_small()
    transport = small.transport()
    transport.open()
    try:
        transport.write(encode(Frame(Type.HELLO, 1, 2, b"", version=9)), 1)
        link = Link(transport, Timing(reply=0.2, tries=1))
        link._session, link._sequence = 2, 1
        with pytest.raises(BoardError, match=r"refuses version 1 .* build and flash it again"):
            read_for_ever(link)
    finally:
        transport.close()


class Scripted(Transport):
    """Answers every request with what a function makes of it."""

    def __init__(self, answer):
        self.answer, self.waiting = answer, b""

    def open(self):
        pass

    def close(self):
        pass

    def write(self, data, timeout):
        from microtvm_project.protocol import Decoder

        for frame in Decoder().feed(data):
            self.waiting += b"".join(encode(f) for f in self.answer(frame))

    def read(self, most, timeout):
        data, self.waiting = self.waiting, b""
        if not data:
            time.sleep(min(timeout, 0.01))
        return data


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda f: [], "no answer to HELLO, asked 2 times"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence, f.session, b"", version=2)], "speaks version 2"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence, f.session, b"short")], "answered nonsense"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence + 1 & 0xFFFF, f.session)], "no answer to HELLO"),
        (lambda f: [Frame(f.type | ANSWER, f.sequence, f.session ^ 1)], "no answer to HELLO"),
        (lambda f: [Frame(Type.ERROR, f.sequence, f.session, b"\x63\0\0\0")], "refuses: error 99"),
    ],
)
def test_firmware_that_talks_nonsense(make_small, answer, message):
    small = make_small()
    with (
        pytest.raises(BoardError, match=message),
        small.session(Scripted(answer), reply=0.02, tries=2),
    ):
        pass


class Shared(Transport):
    """One line to one board that two hosts have got hold of."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner

    def open(self):
        if self.inner.pid is None:
            self.inner.open()

    def close(self):
        pass

    def read(self, most, timeout):
        return self.inner.read(most, timeout)

    def write(self, data, timeout):
        self.inner.write(data, timeout)


def test_two_hosts_at_once(make_small):
    """The second one gets the board; the first one is told, and computes nothing with the other's input."""
    small = make_small()
    line = small.transport()
    try:
        first, second = small.session(Shared(line)), small.session(Shared(line))
        with first:
            small.assert_right(first)
            first.link.request(Type.BEGIN, numbers(0))
            with second:
                small.assert_right(second, 1)
                with pytest.raises(BoardTakenError, match="another host has begun a session"):
                    first.run(small.inputs[0])
                small.assert_right(second, 2)
                # Asking again, it takes the board back, and then the second one is told.
                small.assert_right(first)
                with pytest.raises(BoardTakenError):
                    second.link.request(Type.BEGIN, numbers(0))
    finally:
        line.close()


def test_a_second_host_ends_a_run_that_waits_for_rows(make_small):
    small = make_small(mode="streamed")
    line = small.transport()
    try:
        with small.session(Shared(line), reply=0.2) as first:
            image = small.inputs[0][0]

            def source(row: int) -> np.ndarray:
                if row == 3:
                    with small.session(Shared(line)) as second:
                        small.assert_right(second, 1)
                return image[0, row]

            with pytest.raises(BoardTakenError):
                first.run([source])
            small.assert_right(first, 2)
    finally:
        line.close()
