"""TCP: to a QEMU that we start with its serial port on a socket, or to whatever listens somewhere."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Sequence

from microtvm_project.transports.base import LineClosedError, Transport
from microtvm_project.transports.child import ChildTransport, Explain
from tvm_patch.errors import BoardError

START_SECONDS = 30.0
"""For a child process to connect."""


class TcpChildTransport(ChildTransport):
    """A process that connects to a port of ours; it cannot be given to another process by mistake.

    Parameters
    ----------
    command : callable
        Given the port, returns program and arguments.
    explain : callable
        As for :class:`ChildTransport`.
    """

    def __init__(self, command: Callable[[int], Sequence[str]], explain: Explain) -> None:
        super().__init__([], explain)
        self.command_for = command
        self._socket: socket.socket | None = None

    def _connect(self) -> tuple[int, int]:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            process = self._start(self.command_for(listener.getsockname()[1]))
            end = time.monotonic() + START_SECONDS
            while not select.select([listener], [], [], 0.05)[0]:
                if process.poll() is not None:
                    raise self._gone(process)
                if time.monotonic() > end:
                    raise BoardError(f"{process.args!r} has not connected within {START_SECONDS:g} s")
            self._socket, _ = listener.accept()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket.fileno(), self._socket.fileno()

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class TcpTransport(Transport):
    """A connection to a port that somebody else serves: QEMU's ``-serial tcp::PORT,server``, a serial server.

    Parameters
    ----------
    host, port : str, int
        Where.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """See :meth:`Transport.open`."""
        self.close()
        try:
            self._socket = socket.create_connection((self.host, self.port), timeout=self.reply_seconds * 5)
        except OSError as e:
            raise BoardError(f"{self.host}:{self.port} cannot be reached: {e}") from e
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)

    def close(self) -> None:
        """See :meth:`Transport.close`."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def read(self, most: int, timeout: float) -> bytes:
        """See :meth:`Transport.read`."""
        line = self._line()
        if not select.select([line], [], [], timeout)[0]:
            return b""
        try:
            data = os.read(line.fileno(), most)
        except OSError as e:
            raise self._gone(e) from e
        if not data:
            raise self._gone(None)
        return data

    def write(self, data: bytes, timeout: float) -> None:
        """See :meth:`Transport.write`."""
        end = time.monotonic() + timeout
        at, line = memoryview(data), self._line()
        while at:
            if not select.select([], [line], [], max(end - time.monotonic(), 0))[1]:
                raise BoardError(f"{len(at)} bytes could not be sent within {timeout:g} s")
            try:
                at = at[line.send(at) :]
            except BlockingIOError:
                continue
            except OSError as e:
                raise self._gone(e) from e

    def _line(self) -> socket.socket:
        if self._socket is None:
            raise LineClosedError(f"the connection to {self.host}:{self.port} is closed")
        return self._socket

    def _gone(self, error: OSError | None) -> LineClosedError:
        why = f": {error}" if error else " by the other side"
        return LineClosedError(f"the connection to {self.host}:{self.port} was closed{why}")
