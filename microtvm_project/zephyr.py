"""Finding Zephyr on this machine, and its names of boards."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from microtvm_project.boards import Board
from tvm_patch.errors import ToolMissingError, UserError

OLDEST = (3, 7)
"""Older ones may work: the template avoids what they lack, but nobody tries."""

_HOW = (
    "install Zephyr as docs.zephyrproject.org/latest/develop/getting_started says, then set ZEPHYR_BASE to its folder "
    "or give --option zephyr_base=…"
)

# Zephyr has renamed some boards; which name is right shows in its files.
_NAMES = {
    "mps2_an386": (("boards/arm/mps2/mps2_an386.dts", "mps2/an386"),),
    "mps2_an500": (("boards/arm/mps2/mps2_an500.dts", "mps2/an500"),),
    "mps3_an547": (
        ("boards/arm/mps3/mps3_corstone300_an547.dts", "mps3/corstone300/an547"),
        ("boards/arm/mps3/mps3_an547.dts", "mps3/an547"),
        ("boards/arm/mps3_an547/mps3_an547.dts", "mps3_an547"),
    ),
}


@dataclass(frozen=True)
class Zephyr:
    """A Zephyr tree.

    Attributes
    ----------
    base : Path
        Its folder.
    version : tuple of int
        Major and minor.
    """

    base: Path
    version: tuple[int, int]

    def environment(self) -> dict[str, str]:
        """Return what its tools must find in their environment, besides ours.

        Zephyr's guide has a Python environment made in the workspace; what runs there need not be active here.
        """
        own = self.base.parent / ".venv" / "bin"
        path = os.environ.get("PATH", "")
        return {
            "ZEPHYR_BASE": str(self.base),
            "PATH": os.pathsep.join([str(own), path]) if own.is_dir() else path,
        }

    def board_name(self, board: Board) -> str:
        """Return what this version calls a board.

        Raises
        ------
        UserError
            It has no such board.
        """
        if board.name not in _NAMES:
            return board.name
        for file, name in _NAMES[board.name]:
            if (self.base / file).exists():
                return name
        version = ".".join(map(str, self.version))
        raise UserError(
            f"Zephyr {version} in {self.base} has no board {board.name}; take another board or version"
        )


def find_zephyr(given: Path | None = None) -> Zephyr:
    """Find Zephyr: where it is said to be, in ``ZEPHYR_BASE``, or in the west workspace around here.

    Raises
    ------
    ToolMissingError
        There is none; says how to get it.
    UserError
        There is something else.
    """
    for base in (given, os.environ.get("ZEPHYR_BASE"), _workspace()):
        if base:
            return _read(Path(base))
    raise ToolMissingError(f"Zephyr is not found: {_HOW}")


def _workspace() -> Path | None:
    west = shutil.which("west")
    if west is None:
        return None
    done = subprocess.run(
        [west, "config", "zephyr.base"], capture_output=True, text=True, check=False, timeout=60
    )
    top = subprocess.run([west, "topdir"], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0 or top.returncode != 0:
        return None
    return Path(top.stdout.strip()) / done.stdout.strip()


def _read(base: Path) -> Zephyr:
    try:
        text = (base / "VERSION").read_text(encoding="utf-8")
    except OSError as e:
        raise UserError(f"{base} is not Zephyr: cannot read VERSION ({e.strerror}); {_HOW}") from e
    found = dict(re.findall(r"^VERSION_(MAJOR|MINOR)\s*=\s*(\d+)", text, re.MULTILINE))
    if set(found) != {"MAJOR", "MINOR"} or not (base / "share" / "zephyr-package").is_dir():
        raise UserError(f"{base} is not Zephyr; {_HOW}")
    return Zephyr(base.resolve(), (int(found["MAJOR"]), int(found["MINOR"])))
