"""Child processes: compilers and emulators, found, run under a time limit, and never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
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


def run_limited(
    command: Sequence[str], folder: Path, timeout: float, env: Mapping[str, str] | None = None
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
    ):
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return Finished(process.returncode, console.read_text(encoding="utf-8", errors="replace"), timed_out)


def last_lines(text: str, count: int = 8) -> str:
    """Give the end of a console, for an error message."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-count:])
