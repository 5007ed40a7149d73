"""The target of a board: its core, with the board's memories."""

from __future__ import annotations

from dataclasses import replace

from microtvm_project.boards import get_board
from tvm_patch.targets import DataMemory, Target, get_target


def target_of(board: str, as_board: str | None = None) -> Target:
    """Return what code for a board is made for.

    Parameters
    ----------
    board : str
        Its core counts.
    as_board : str, optional
        Board that it stands for, whose memories count then.

    Raises
    ------
    UserError
        There is no such board.
    """
    target, timing = get_target(get_board(board).cpu), get_board(as_board or board).timing
    if timing is None:
        return target
    memory = DataMemory(
        timing.data.size, timing.data.line, timing.flash_line, timing.ram_line, timing.tightly_coupled
    )
    return replace(target, memory=memory)
