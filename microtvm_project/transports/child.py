"""Transports to firmware that runs as a child process."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from microtvm_project.transports.base import LineClosedError, Transport
from tvm_patch.errors import BoardError

Explain = Callable[[int, str], str]
"""Makes a message of a process's exit status (negative: by that signal) and its console."""

_SLICE = 0.05
"""Seconds after which a process that says nothing is asked whether it is still there."""


class ChildTransport(Transport):
    """A process in a folder of its own, and two files to talk to it.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    explain : callable
        Says in words how the process ended.
    """

    def __init__(self, command: Sequence[str], explain: Explain) -> None:
        self.command = list(command)
        self.explain = explain
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._receive = self._send = -1

    @property
    def folder(self) -> Path:
        """The process's working directory."""
        assert self._folder is not None
        return Path(self._folder.name)

    @property
    def pid(self) -> int | None:
        """The process's number; None when closed."""
        return self._process.pid if self._process is not None else None

    @abstractmethod
    def _connect(self) -> tuple[int, int]:
        """Start the process with :meth:`_start`; return descriptors to read from it and to write to it."""

    def open(self) -> None:
        """Start the process; see :meth:`Transport.open`."""
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="tvm-patch-")
        try:
            self._receive, self._send = self._connect()
            os.set_blocking(self._send, False)
        except BaseException:
            self.close()
            raise

    def _start(self, command: Sequence[str], piped: bool = False) -> subprocess.Popen[bytes]:
        # Should this process be killed, the child must not run on: an endless loop would take a core for ever.
        guard = shutil.which("setpriv")
        prefix = [guard, "--pdeathsig", "KILL"] if guard else []
        with (self.folder / "console.txt").open("wb") as console:
            self._process = subprocess.Popen(
                [*prefix, *command],
                cwd=self.folder,
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else console,
                stderr=console,
                bufsize=0,
                start_new_session=True,
            )
        return self._process

    def close(self) -> None:
        """Kill the process; see :meth:`Transport.close`."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        self._disconnect()
        self._receive = self._send = -1
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def end(self, seconds: float = 30) -> None:
        """Let the process end by itself, so that it writes what it still has to: there is nothing to read any more.

        Raises
        ------
        BoardError
            When it does not.
        """
        assert self._process is not None
        if self._process.stdin is not None:
            self._process.stdin.close()
        else:
            os.close(self._send)
        self._send = -1
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise BoardError(f"{self.command[0]} did not end within {seconds:g} s") from None

    def _disconnect(self) -> None:
        """Close the descriptors that are not the process's own pipes."""

    def console(self) -> str:
        """Return what the process has written to its console."""
        if self._folder is None:
            return ""
        return (self.folder / "console.txt").read_text(encoding="utf-8", errors="replace")

    def read(self, most: int, timeout: float) -> bytes:
        """See :meth:`Transport.read`."""
        end = time.monotonic() + timeout
        while True:
            process = self._process
            if process is None:
                raise LineClosedError("the process was not started")
            left = end - time.monotonic()
            # Asked before reading: what a process said before it ended is still read.
            ended = process.poll() is not None
            if select.select([self._receive], [], [], 0 if ended else min(max(left, 0), _SLICE))[0]:
                data = self._read(most)
                if data:
                    return data
                ended = True
            if ended:
                raise self._gone(process)
            if left <= 0:
                return b""

    def _read(self, most: int) -> bytes:
        try:
            return os.read(self._receive, most)
        except ConnectionError:
            return b""

    def _gone(self, process: subprocess.Popen[bytes]) -> LineClosedError:
        # Its pipes may be closed a moment before it has ended.
        try:
            status = process.wait(1.0)
        except subprocess.TimeoutExpired:
            return LineClosedError("the program closed its side of the line")
        return LineClosedError(self.explain(status, self.console()))

    def write(self, data: bytes, timeout: float) -> None:
        """See :meth:`Transport.write`."""
        end = time.monotonic() + timeout
        at = memoryview(data)
        while at:
            process = self._process
            if process is None:
                raise LineClosedError("the process was not started")
            if process.poll() is not None:
                raise self._gone(process)
            left = end - time.monotonic()
            if select.select([], [self._send], [], min(max(left, 0), _SLICE))[1]:
                try:
                    at = at[os.write(self._send, at) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise self._gone(process) from None
            elif left <= 0:
                raise BoardError(f"{len(at)} bytes could not be sent within {timeout:g} s")
