"""What a session needs from a transport."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tvm_patch.errors import BoardError


class LineClosedError(BoardError):
    """The other side has gone: a process ended, a connection was closed, a cable was pulled."""


class Transport(ABC):
    """A stream of bytes in each direction, which may lose, change or add some.

    It can be opened again after it was closed, which starts afresh what it itself has started (a child process).

    Attributes
    ----------
    reply_seconds : float
        How long an answer to a frame of moderate size may take before it counts as lost.
    """

    reply_seconds: float = 1.0

    @abstractmethod
    def open(self) -> None:
        """Open it.

        Raises
        ------
        BoardError
            It cannot be opened; says why.
        """

    @abstractmethod
    def close(self) -> None:
        """Close it, and end what :meth:`open` has started; does nothing if it is closed."""

    @abstractmethod
    def read(self, most: int, timeout: float) -> bytes:
        """Wait for bytes and return as many as have come.

        Parameters
        ----------
        most : int
            At most so many.
        timeout : float
            Seconds; after them, no bytes are returned.

        Raises
        ------
        LineClosedError
            No more will come; says why, as far as can be known.
        """

    @abstractmethod
    def write(self, data: bytes, timeout: float) -> None:
        """Send all of ``data``.

        Raises
        ------
        LineClosedError
            They cannot be sent any more.
        BoardError
            They could not be sent within ``timeout`` seconds.
        """
