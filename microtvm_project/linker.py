"""The linker script of a QEMU board, and what the linker says when firmware does not fit."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from microtvm_project.artifact import CompiledModel
from microtvm_project.boards import QEMU_FLASH_BYTES, Board

_OVERFLOW = re.compile(r"region `(\w+)' overflowed by (\d+) bytes")

STACK_PAINT = 0xC0DEFA11
"""What the stack is filled with at reset."""

TEMPLATES = Path(__file__).parent / "templates"


def harness_origin(board: Board) -> int:
    """Give the first address of the memory for the harness: the second half of the machine's PSRAM."""
    return board.memory("FLASH").origin + QEMU_FLASH_BYTES


def linker_script(
    board: Board,
    sizes_of: Board,
    artifact: CompiledModel,
    stack_bytes: int,
    folder: Path = TEMPLATES / "qemu",
) -> str:
    """Write the linker script for an emulated board with another board's amount of memory.

    Parameters
    ----------
    board : Board
        The QEMU board: its addresses count.
    sizes_of : Board
        The board it stands for, or itself: its SRAM and flash sizes count.
    artifact : CompiledModel
        Gives the arena.
    stack_bytes : int
        What to reserve for the stack.
    folder : Path
        Where ``link.ld.in`` is.
    """
    template = Template((folder / "link.ld.in").read_text(encoding="utf-8"))
    return template.substitute(
        flash_origin=hex(board.memory("FLASH").origin),
        flash_bytes=sizes_of.memory("FLASH").length,
        harness_origin=hex(harness_origin(board)),
        sram_bytes=sizes_of.memory("SRAM").length,
        stack_bytes=stack_bytes,
        arena_bytes=artifact.metadata.arena_bytes,
        arena_align=max(8, artifact.metadata.arena_align),
    )


def overflows(text: str) -> dict[str, int]:
    """Read GNU ld's messages: how many bytes too many, by region."""
    return {region: int(number) for region, number in _OVERFLOW.findall(text)}
