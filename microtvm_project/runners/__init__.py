"""What runs a program on a board: one file per way."""

from __future__ import annotations

from pathlib import Path

from microtvm_project.build import Firmware
from microtvm_project.protocol import Answer
from microtvm_project.runners.host import run_host
from microtvm_project.runners.qemu import run_qemu


def run_program(firmware: Firmware, elf: Path, job: bytes, timeout: float) -> Answer:
    """Run one of a firmware's programs on a job, the way its board wants.

    Raises
    ------
    BoardError
        It crashed, took longer than ``timeout`` seconds or answered nonsense.
    """
    return (run_host if firmware.board.runner == "host" else run_qemu)(firmware, elf, job, timeout)
