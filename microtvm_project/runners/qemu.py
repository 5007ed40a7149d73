"""QEMU's mps2 machines, with a virtual clock that counts instructions."""

from __future__ import annotations

from pathlib import Path

from microtvm_project.boards import Board
from microtvm_project.tools import find_tool
from tvm_patch.errors import InternalError


def qemu_command(board: Board, elf: Path) -> list[str]:
    """Give the command line for a program, but for its serial port.

    Raises
    ------
    ToolMissingError
        QEMU is not installed.
    """
    if board.qemu_machine is None:
        raise InternalError(f"{board.name} is not a QEMU board")
    return [
        find_tool("qemu-system-arm"),
        *("-M", board.qemu_machine, "-cpu", board.cpu),
        *("-icount", "shift=0,align=off,sleep=off"),
        *("-semihosting-config", "enable=on,target=native"),
        *("-display", "none", "-monitor", "none", "-nic", "none"),
        *("-kernel", str(elf)),
    ]
