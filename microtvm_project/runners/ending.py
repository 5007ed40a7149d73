"""How a program ended, in words."""

from __future__ import annotations

import re

from microtvm_project.build import Firmware
from microtvm_project.elf import function_at
from microtvm_project.tools import last_lines

_FINDING = re.compile(r"SUMMARY: \w+Sanitizer: .*|.*: runtime error: .*")
_ADDRESS = re.compile(r"\b(pc|lr) 0x([0-9a-f]{8})")


def explain_end(firmware: Firmware, status: int, console: str) -> str:
    """Say why a program of a firmware has ended.

    Parameters
    ----------
    firmware : Firmware
        Gives the names of functions.
    status : int
        Exit status; negative: by that signal.
    console : str
        What it has written.
    """
    # QEMU warns of network hardware that nobody asked for.
    lines = [line for line in console.splitlines() if "has no peer" not in line]
    end = _with_names(last_lines("\n".join(lines)), firmware)
    message = _cause(firmware, status, console)
    return f"{message}; the console's last lines:\n{end}" if end else message


def _cause(firmware: Firmware, status: int, console: str) -> str:
    if "fault: stack overflow" in console:
        return f"the stack needs more than the {firmware.stack_reserve} bytes reserved (stack_bytes)"
    if "fault:" in console:
        return "the firmware faulted"
    finding = _FINDING.search(console)
    if finding is not None:
        return f"a sanitizer stopped it: {finding[0].strip()}"
    if status < 0:
        return f"killed by signal {-status}"
    return f"the program ended with status {status}"


def _with_names(text: str, firmware: Firmware) -> str:
    """Add to each code address of a fault report the function it lies in."""

    def add(match: re.Match[str]) -> str:
        name = function_at(firmware.symbols, int(match[2], 16))
        return f"{match[0]} ({name})" if name else match[0]

    return _ADDRESS.sub(add, text)
