"""How much of a board's SRAM an arena may take."""

from __future__ import annotations

from microtvm_project.boards import Board

BESIDE_ARENA = 8 * 1024
"""Bytes of a board's SRAM that are left for stack and static data."""


def board_sram(board: Board) -> int:
    """Return the bytes of a board's SRAM that an arena may take; 0 where there is no limit."""
    sram = sum(m.length for m in board.memories if m.name == "SRAM")
    return max(0, sram - BESIDE_ARENA)


def room_of(board: Board) -> int | None:
    """Return the bytes that an arena may grow to for speed; None where the board does not say.

    The emulator's own megabytes are nothing that anybody wants to make the most of.
    """
    return None if board.runner == "qemu" else board_sram(board) or None
