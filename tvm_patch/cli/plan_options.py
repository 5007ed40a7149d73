"""Options that say what a plan has to be, for every command that plans."""

from __future__ import annotations

import math
import re
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.errors import UserError

if TYPE_CHECKING:
    from microtvm_project.boards import Board
    from tvm_patch.planner.choose import Request

BESIDE_ARENA = 8 * 1024
"""Bytes of a board's SRAM that ``--board`` leaves for stack and static data."""

_UNITS = {"": 1, "K": 1024, "M": 1024 * 1024}


class InputModeName(str, Enum):
    """Where the input comes from."""

    resident = "resident"
    rereadable = "rereadable"
    streamed = "streamed"


class SchemeName(str, Enum):
    """How plans are made."""

    auto = "auto"
    layer = "layer"


class ObjectiveName(str, Enum):
    """What is best."""

    memory = "memory"
    time = "time"
    balanced = "balanced"


InputModeOption = Annotated[
    InputModeName,
    typer.Option(
        "--input-mode",
        help="resident: the input lies in the arena; rereadable: any row of it can be fetched again; "
        "streamed: its rows come once, in order.",
    ),
]
SchemeOption = Annotated[
    SchemeName, typer.Option("--scheme", help="auto: search; layer: one operator after another.")
]
SramOption = Annotated[
    str | None, typer.Option("--sram", metavar="SIZE", help="Most bytes of the arena: 65536, 64K, 0.5M.")
]
MaxOverheadOption = Annotated[
    float | None,
    typer.Option("--max-overhead", help="Most MACs executed over those of the network, such as 1.05."),
]
ObjectiveOption = Annotated[
    ObjectiveName | None,
    typer.Option(
        "--objective",
        help="memory, time or balanced.  Without it: time under --sram or --board, memory under --max-overhead alone, "
        "balanced otherwise.",
    ),
]


def parse_size(text: str, option: str = "--sram") -> int:
    """Return a size such as ``64K`` in bytes.

    Raises
    ------
    UserError
        When it is no size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([KM]?)(?:i?B)?\s*", text, re.IGNORECASE)
    size = float(match[1]) * _UNITS[match[2].upper()] if match else 0.0
    if not 1 <= size < 2**40:
        raise UserError(f"{option} {text!r} is not a size; write bytes, or 64K, or 0.5M")
    return math.floor(size)


def board_sram(board: Board) -> int:
    """Return the bytes of a board's SRAM that an arena may take; 0 where there is no limit."""
    sram = sum(m.length for m in board.memories if m.name == "SRAM")
    return max(0, sram - BESIDE_ARENA)


def plan_request(
    input_mode: InputModeName,
    scheme: SchemeName,
    objective: ObjectiveName | None,
    sram: str | None,
    max_overhead: float | None,
    board: Board | None = None,
) -> Request:
    """Return what the options ask for; of ``--sram`` and the board's, the smaller memory holds.

    Raises
    ------
    UserError
        When an option makes no sense.
    """
    from tvm_patch.planner.choose import Request

    if max_overhead is not None and not 1 <= max_overhead < 1000:
        raise UserError(f"--max-overhead {max_overhead:g} is impossible; write at least 1, such as 1.05")
    limits = [parse_size(sram)] if sram is not None else []
    if board is not None and board_sram(board):
        limits.append(board_sram(board))
    return Request(
        input_mode.value,
        scheme.value,
        objective.value if objective else None,
        min(limits, default=None),
        max_overhead,
    )
