"""Child processes: compilers and emulators, found, run under a time limit, and never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tvm_patch.errors import ToolMissingError

_PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-ar": "binutils-arm-none-eabi",
    "ar": "binutils",
    "ninja": "ninja-build",
}


def find_tool(name: str, path: str | None = None) -> str:
    """Find a program on the PATH.

    Parameters
    ----------
    name : str
        The program.
    path : str, optional
        Folders to search instead.

    Raises
    ------
    ToolMissingError
        It is not installed; the message names Debian's package.
    """
    found = shutil.which(name, path=path)
    if found is None:
        hint = f"on Debian: apt install {_PACKAGES.get(name, name)}"
        raise ToolMissingError(f"{name} is not installed or not on the PATH; {hint}")
    return found


@dataclass(frozen=True)
class Finished:
    """How a process ended: exit status (negative: by that signal), output, and whether it was too slow."""

    status: int
    output: str
    timed_out: bool


class Crew:
    """Child processes that several threads wait for, and that end together when what they work for is given up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work: set[subprocess.Popen[bytes]] = set()
        self._dismissed = False

    @contextmanager
    def employ(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Count a process in while it runs; one that comes too late is ended at once."""
        with self._lock:
            self._at_work.add(process)
            late = self._dismissed
        if late:
            _kill(process)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard(process)

    def dismiss(self) -> None:
        """End all of them, and those still to come."""
        with self._lock:
            self._dismissed = True
            for process in self._at_work:
                _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def run_limited(
    command: Sequence[str],
    folder: Path,
    timeout: float,
    env: Mapping[str, str] | None = None,
    crew: Crew | None = None,
) -> Finished:
    """Run a command in a folder, its output going to a file there, and kill it after ``timeout`` seconds.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    folder : Path
        Its working directory; ``console.txt`` is written there.
    timeout : float
        Seconds.
    env : mapping, optional
        Variables to add to the environment.
    crew : Crew, optional
        Others that end with it.
    """
    # Should this process be killed, the child must not run on: an endless loop would take a core for ever.
    guard = shutil.which("setpriv")
    prefix = [guard, "--pdeathsig", "KILL"] if guard else []
    console = folder / "console.txt"
    timed_out = False
    with (
        console.open("wb") as sink,
        subprocess.Popen(
            [*prefix, *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        ) as process,
        (crew or Crew()).employ(process),
    ):
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _kill(process)
    return Finished(process.returncode, console.read_text(encoding="utf-8", errors="replace"), timed_out)


def last_lines(text: str, count: int = 8) -> str:
    """Give the end of a console, for an error message."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-count:])
