"""Running a program whose transport is a pair of files in its working directory."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from microtvm_project.build import Firmware
from microtvm_project.elf import function_at
from microtvm_project.protocol import Answer, AnswerError, decode_answer
from microtvm_project.tools import Finished, last_lines, run_limited
from tvm_patch.errors import BoardError

_FINDING = re.compile(r"SUMMARY: \w+Sanitizer: .*|.*: runtime error: .*")
_ADDRESS = re.compile(r"\b(pc|lr) 0x([0-9a-f]{8})")


def run_with_files(firmware: Firmware, command: Sequence[str], job: bytes, timeout: float) -> Answer:
    """Put the job into ``job.bin``, run the command next to it, and read ``answer.bin``.

    Raises
    ------
    BoardError
        The program failed; says how, with the end of its console.
    """
    with tempfile.TemporaryDirectory(prefix="tvm-patch-") as name:
        folder = Path(name)
        (folder / "job.bin").write_bytes(job)
        done = run_limited(command, folder, timeout)
        file = folder / "answer.bin"
        data = file.read_bytes() if file.exists() else b""
    # QEMU warns of network hardware that nobody asked for.
    lines = [line for line in done.output.splitlines() if "has no peer" not in line]
    console = _with_names(last_lines("\n".join(lines)), firmware)
    where = f"{firmware.board.name}, model {firmware.artifact.model_name}"
    if done.timed_out:
        raise BoardError(_join(f"{where}: no end after {timeout:g} s, killed", console))
    try:
        answer = decode_answer(data)
    except AnswerError as e:
        raise BoardError(_join(f"{where}: {_cause(firmware, done, e)}", console)) from e
    if done.status != 0:
        raise BoardError(_join(f"{where}: ended with status {done.status} after its answer", console))
    return answer


def _cause(firmware: Firmware, done: Finished, error: AnswerError) -> str:
    if "fault: stack overflow" in done.output:
        return f"the stack needs more than the {firmware.stack_reserve} bytes reserved (stack_bytes)"
    if "fault:" in done.output:
        return "the firmware faulted"
    finding = _FINDING.search(done.output)
    if finding is not None:
        return f"a sanitizer stopped it: {finding[0].strip()}"
    if done.status < 0:
        return f"killed by signal {-done.status}"
    return f"{error} (exit status {done.status})"


def _join(message: str, console: str) -> str:
    return f"{message}; the console's last lines:\n{console}" if console else message


def _with_names(text: str, firmware: Firmware) -> str:
    """Add to each code address of a fault report the function it lies in."""

    def add(match: re.Match[str]) -> str:
        name = function_at(firmware.symbols, int(match[2], 16))
        return f"{match[0]} ({name})" if name else match[0]

    return _ADDRESS.sub(add, text)
