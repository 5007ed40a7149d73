"""The target of a board: its core, with the board's memories."""

from __future__ import annotations

from dataclasses import replace

from microtvm_project.boards import get_board
from tvm_patch.targets import DataMemory, Target, get_target


def target_of(board: str) -> Target:
    """Return what code for a board is made for.

    Raises
    ------
    UserError
        There is no such board.
    """
    found = get_board(board)
    target, timing = get_target(found.cpu), found.timing
    if timing is None:
        return target
    memory = DataMemory(
        timing.data.size, timing.data.line, timing.flash_line, timing.ram_line, timing.tightly_coupled
    )
    return replace(target, memory=memory)
