"""Compilers: which one makes what of a program, and the flags that it wants of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import run

from microtvm_project.boards import Board
from microtvm_project.tools import find_tool
from tvm_patch.errors import ToolMissingError

CROSS = "arm-none-eabi-gcc"
"""Compiles and links what runs on emulated boards."""


@dataclass(frozen=True)
class Toolchain:
    """What makes a program for one board.

    Attributes
    ----------
    model : str
        Compiler of the artifact's sources.
    linker : str
        Compiler of the harness, which also links; on the host the same.
    target : tuple of str
        What `model` must be told of the machine beside the core's flags.
    """

    model: str
    linker: str
    target: tuple[str, ...] = ()

    @classmethod
    def of(cls, board: Board, compiler: str | None) -> Toolchain:
        """Find the compilers for a board; `compiler` replaces gcc for the artifact.

        Raises
        ------
        ToolMissingError
            One of them is not installed.
        """
        if board.runner == "host":
            found = find_tool(compiler or "gcc")
            return cls(found, found)
        linker = find_tool(CROSS)
        if compiler is None:
            return cls(linker, linker)
        model = find_tool(compiler)
        return cls(model, linker, _cross_clang(linker) if is_clang(model) else ())

    def fuse(self, core: Sequence[str], flags: Sequence[str], objects: Sequence[Path], to: Path) -> list[str]:
        """Return the command that makes one object of the artifact's, optimised as a whole (-flto).

        A linker script places objects by their names, which the objects of link-time optimisation do not keep.
        """
        own = ["-fuse-ld=lld"] if is_clang(self.model) else ["-flinker-output=nolto-rel"]
        if is_clang(self.model):
            find_tool("ld.lld")
        sources = [str(o) for o in objects]
        return [self.model, *core, *self.target, *flags, *own, "-nostdlib", "-r", *sources, "-o", str(to)]


def is_clang(compiler: str) -> bool:
    """Tell clang from gcc by its name."""
    return "clang" in Path(compiler).name


@cache
def _cross_clang(gcc: str) -> tuple[str, ...]:
    """Return what lets clang compile for the cores that a cross gcc compiles for, with its C library's headers."""
    probe = [gcc, "-mcpu=cortex-m7", "-mthumb", "-E", "-v", "-x", "c", "/dev/null"]
    lines = run(probe, capture_output=True, text=True, check=False).stderr.splitlines()
    folders = [line.strip() for line in lines if line.startswith(" /")]
    own = next((f for f in reversed(folders) if (Path(f) / "string.h").exists()), None)
    if own is None:
        raise ToolMissingError(f"{gcc} has no C library; on Debian: apt install libnewlib-arm-none-eabi")
    return ("--target=arm-none-eabihf", "-isystem", own)
