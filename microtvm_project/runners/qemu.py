"""QEMU's mps2 machines, with a virtual clock that counts instructions."""

from __future__ import annotations

from pathlib import Path

from microtvm_project.build import Firmware
from microtvm_project.protocol import Answer
from microtvm_project.runners.files import run_with_files
from microtvm_project.tools import find_tool
from tvm_patch.errors import InternalError


def qemu_command(firmware: Firmware, elf: Path) -> list[str]:
    """Give the command line for a program.

    Raises
    ------
    ToolMissingError
        QEMU is not installed.
    """
    machine = firmware.board.qemu_machine
    if machine is None:
        raise InternalError(f"{firmware.board.name} is not a QEMU board")
    return [
        find_tool("qemu-system-arm"),
        *("-M", machine, "-cpu", firmware.board.cpu),
        *("-icount", "shift=0,align=off,sleep=off"),
        *("-semihosting-config", "enable=on,target=native"),
        *("-display", "none", "-monitor", "none", "-serial", "null", "-nic", "none"),
        *("-kernel", str(elf)),
    ]


def run_qemu(firmware: Firmware, elf: Path, job: bytes, timeout: float) -> Answer:
    """Run a program in QEMU; see :func:`microtvm_project.runners.run_program`."""
    return run_with_files(firmware, qemu_command(firmware, elf), job, timeout)
