"""Requests and answers over a transport that may lose, change or repeat bytes.

One request is under way at a time.  What is not answered in time is asked again under the same number, which the
firmware executes once and answers as often as it is asked (stop-and-wait, as in Tanenbaum, Computer Networks, 3.4).
All time is kept here; the firmware has no clock.
"""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from microtvm_project.protocol import (
    VERSION,
    Decoder,
    Frame,
    Hello,
    RefusalCode,
    Result,
    Type,
    Wanted,
    encode,
)
from microtvm_project.protocol.messages import ANSWER, error, numbers
from microtvm_project.transports import Transport
from tvm_patch.errors import BoardError

T = TypeVar("T")

GiveRow = Callable[[Wanted], tuple[bytes, int]]
"""Returns a piece of a row, and 0 or the status that ends the run."""

_SLOWEST_NUDGE = 2.0
_READ_BYTES = 1 << 16


class BoardLostError(BoardError):
    """The firmware has started again and knows nothing of the session."""


class BoardTakenError(BoardError):
    """Another host has begun a session on the board."""


@dataclass(frozen=True)
class Timing:
    """How long to wait for what.

    Attributes
    ----------
    reply : float or None
        Seconds until an answer counts as lost; None: what the transport says.
    tries : int
        How often a request is sent before the board counts as lost.
    run : float
        Seconds for one inference.
    """

    reply: float | None = None
    tries: int = 10
    run: float = 300.0


@dataclass
class Statistics:
    """What has happened on the line.

    Attributes
    ----------
    sent, received : int
        Frames.
    repeated : int
        Requests and rows that were sent again, and nudges.
    ignored : int
        Frames that were no answer to what was asked: late ones, or of another session.
    """

    sent: int = 0
    received: int = 0
    repeated: int = 0
    ignored: int = 0


@dataclass
class Link:
    """The host's side of a session.

    Parameters
    ----------
    transport : Transport
        An open one.
    timing : Timing
        How long to wait.
    """

    transport: Transport
    timing: Timing = field(default_factory=Timing)
    statistics: Statistics = field(default_factory=Statistics)

    def __post_init__(self) -> None:
        self._decoder = Decoder()
        self._frames: deque[Frame] = deque()
        self._session = 0
        self._sequence = 0

    @property
    def reply_seconds(self) -> float:
        """How long an answer may take."""
        return self.transport.reply_seconds if self.timing.reply is None else self.timing.reply

    @property
    def damaged(self) -> int:
        """How often something came that is no frame."""
        return self._decoder.damaged

    def connect(self) -> Hello:
        """Begin a session, which ends whatever session there was.

        Raises
        ------
        BoardError
            Nothing answers, or something that is not our firmware.
        """
        self._session = 1 + secrets.randbelow(2**32 - 1)
        self._sequence = secrets.randbelow(2**16)
        return self._parse(Hello.parse, self.request(Type.HELLO))

    def request(self, kind: Type, body: bytes = b"") -> bytes:
        """Send a request and return its answer's body.

        Raises
        ------
        BoardLostError, BoardTakenError
            The session is over.
        BoardError
            No answer came, or the firmware refused.
        """
        self._sequence = (self._sequence + 1) % 2**16
        for attempt in range(self.timing.tries):
            self.statistics.repeated += attempt > 0
            self._send(kind, body)
            end = time.monotonic() + self.reply_seconds
            while (frame := self._next(end)) is not None:
                if frame.type == Type.READY and kind == Type.HELLO:
                    break  # it was not there yet when we asked
                if frame.sequence != self._sequence:
                    self.statistics.ignored += 1
                elif frame.type == kind | ANSWER:
                    return frame.body
                elif kind == Type.RUN and frame.type in (Type.FINISHED, Type.WANTED):
                    self._frames.appendleft(frame)  # the answer was lost, but it is running
                    return b""
        raise BoardError(
            f"no answer to {kind.name}, asked {self.timing.tries} times for {self.reply_seconds:g} s each"
        )

    def run(self, profile: bool, give_row: GiveRow, end: float) -> Result:
        """Have the model run, giving it rows, and return how it ended.

        Parameters
        ----------
        profile : bool
            Whether to count per operator.
        give_row : callable
            For models that fetch rows.
        end : float
            When to give up, on the clock of ``time.monotonic``.

        Raises
        ------
        BoardLostError, BoardTakenError
            The session is over.
        BoardError
            It did not end in time, or the firmware refused.
        """
        self.request(Type.RUN, numbers(int(profile)))
        patience, last = self.reply_seconds, -1
        while True:
            frame = self._next(min(end, time.monotonic() + patience))
            if frame is None and time.monotonic() >= end:
                raise BoardError("the run has not ended in time")
            if frame is None or frame.type == Type.READY:
                self.statistics.repeated += 1
                self._send(Type.NUDGE)
                # Without rows it may just be computing, and reads nothing meanwhile.
                if last < 0 and frame is None:
                    patience = min(2 * patience, _SLOWEST_NUDGE)
            elif frame.sequence != self._sequence:
                self.statistics.ignored += 1
            elif frame.type == Type.FINISHED:
                return self._parse(Result.parse, frame.body)
            elif frame.type == Type.WANTED:
                wanted = self._parse(Wanted.parse, frame.body)
                if wanted.serial < last:
                    self.statistics.ignored += 1
                    continue
                self.statistics.repeated += wanted.serial == last
                last, patience = wanted.serial, self.reply_seconds
                self._send(Type.ROW, wanted.answer(*give_row(wanted)))

    def _send(self, kind: Type, body: bytes = b"") -> None:
        self.statistics.sent += 1
        frame = Frame(kind, self._sequence, self._session, body)
        self.transport.write(encode(frame), self.reply_seconds * self.timing.tries)

    def _next(self, end: float) -> Frame | None:
        """Return the next frame of this session, or a READY; None when the time has come."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if frame.version != VERSION:
                    raise BoardError(
                        f"the firmware speaks version {frame.version} of the protocol, this program {VERSION}; "
                        "build and flash it again"
                    )
                if frame.type == Type.READY:
                    return frame
                if frame.session != self._session:
                    self.statistics.ignored += 1
                    continue
                if frame.type == Type.ERROR:
                    self._refused(frame)
                    continue
                return frame
            left = end - time.monotonic()
            if left <= 0:
                return None
            found = self._decoder.feed(self.transport.read(_READ_BYTES, left))
            self.statistics.received += len(found)
            self._frames.extend(found)

    def _refused(self, frame: Frame) -> None:
        """Raise what an ERROR says, unless it answers an earlier request."""
        code, text = self._parse(error, frame.body)
        if code == RefusalCode.SESSION:
            raise BoardLostError("the board has started again in the middle of the session")
        if code == RefusalCode.TAKEN:
            raise BoardTakenError(
                "another host has begun a session on the board; close the other program and try again"
            )
        if code == RefusalCode.VERSION:
            raise BoardError(
                f"the firmware refuses version {VERSION} of the protocol; build and flash it again"
            )
        if frame.sequence == self._sequence:
            raise BoardError(f"the firmware refuses: {text or f'error {code}'}")
        self.statistics.ignored += 1

    @staticmethod
    def _parse(parse: Callable[[bytes], T], body: bytes) -> T:
        try:
            return parse(body)
        except ValueError as e:
            raise BoardError(f"the firmware answered nonsense: {e}") from e
