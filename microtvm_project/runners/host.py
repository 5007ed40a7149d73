"""The machine at hand: the program is a child process."""

from __future__ import annotations

from pathlib import Path

from microtvm_project.build import Firmware
from microtvm_project.protocol import Answer
from microtvm_project.runners.files import run_with_files


def run_host(firmware: Firmware, elf: Path, job: bytes, timeout: float) -> Answer:
    """Run a program as a child process; see :func:`microtvm_project.runners.run_program`."""
    return run_with_files(firmware, [str(elf), "job.bin", "answer.bin"], job, timeout)
