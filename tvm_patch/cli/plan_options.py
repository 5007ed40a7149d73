"""Options that say what a plan has to be, for every command that plans."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.errors import UserError

if TYPE_CHECKING:
    from microtvm_project.boards import Board
    from tvm_patch.planner.choose import Objective, Request

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
    mcunetv2 = "mcunetv2"


class ObjectiveName(str, Enum):
    """What is best."""

    memory = "memory"
    time = "time"
    balanced = "balanced"


_PLANNING = "Planning"
"""The panel of ``--help`` that these options are shown in."""

PlanFileOption = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="A plan of tvm-patch plan --save. Without it and without the options below: one operator after another, "
        "the input in the arena.",
        rich_help_panel=_PLANNING,
    ),
]
InputModeOption = Annotated[
    InputModeName | None,
    typer.Option(
        "--input-mode",
        help="resident: the input lies in the arena; rereadable: any row of it can be fetched again; "
        "streamed: its rows come once, in order. Without it: resident.",
        rich_help_panel=_PLANNING,
    ),
]
SchemeOption = Annotated[
    SchemeName | None,
    typer.Option(
        "--scheme",
        help="auto: search; layer: one operator after another; mcunetv2: square patches of the first operators, "
        "as MCUNetV2 does, for comparison. Without it: auto.",
        rich_help_panel=_PLANNING,
    ),
]
PatchesOption = Annotated[
    int | None,
    typer.Option(
        "--patches",
        min=1,
        help="With --scheme mcunetv2: patches along each axis. Without it: least arena.",
        rich_help_panel=_PLANNING,
    ),
]
LayersOption = Annotated[
    int | None,
    typer.Option(
        "--layers",
        min=1,
        help="With --scheme mcunetv2: operators that run in patches. Without it: least arena.",
        rich_help_panel=_PLANNING,
    ),
]
SramOption = Annotated[
    str | None,
    typer.Option(
        "--sram",
        metavar="SIZE",
        help="Most bytes of the arena: 65536, 64K, 0.5M. What the plan does not need makes kernels fast. "
        "Of a plan made here, a board's SRAM is a limit too.",
        rich_help_panel=_PLANNING,
    ),
]
MaxOverheadOption = Annotated[
    float | None,
    typer.Option(
        "--max-overhead",
        help="Most MACs executed over those of the network, such as 1.05.",
        rich_help_panel=_PLANNING,
    ),
]
ObjectiveOption = Annotated[
    ObjectiveName | None,
    typer.Option(
        "--objective",
        help="memory (a percent of it for up to four percent of time), time or balanced. Without it: time under "
        "--sram or a board's SRAM, memory under --max-overhead, balanced otherwise.",
        rich_help_panel=_PLANNING,
    ),
]


@dataclass(frozen=True)
class PlanOptions:
    """The values of the options above; None where one was not given.

    Attributes
    ----------
    input_mode, scheme, patches, layers, sram, max_overhead, objective
        As the user wrote them.
    """

    input_mode: InputModeName | None = None
    scheme: SchemeName | None = None
    patches: int | None = None
    layers: int | None = None
    sram: str | None = None
    max_overhead: float | None = None
    objective: ObjectiveName | None = None

    @property
    def given(self) -> list[str]:
        """The options that were given, as the user wrote their names."""
        return [f"--{f.name.replace('_', '-')}" for f in fields(self) if getattr(self, f.name) is not None]

    def request(self, board: Board | None = None) -> Request:
        """Return what the options ask for; of ``--sram`` and the board's, the smaller memory holds.

        Raises
        ------
        UserError
            When an option makes no sense.
        """
        from microtvm_project.arena_room import board_sram
        from tvm_patch.planner.choose import Request

        self.check()
        limits = [parse_size(self.sram)] if self.sram is not None else []
        if board is not None and board_sram(board):
            limits.append(board_sram(board))
        return Request(
            (self.input_mode or InputModeName.resident).value,
            (self.scheme or SchemeName.auto).value,
            self._objective(board),
            min(limits, default=None),
            self.max_overhead,
            self.patches,
            self.layers,
        )

    def check(self) -> None:
        """Raise UserError when an option makes no sense."""
        if self.max_overhead is not None and not 1 <= self.max_overhead < 1000:
            raise UserError(
                f"--max-overhead {self.max_overhead:g} is impossible; write at least 1, such as 1.05"
            )
        if self.sram is not None:
            parse_size(self.sram)
        if self.scheme is not SchemeName.mcunetv2:
            for name, value in (("--patches", self.patches), ("--layers", self.layers)):
                if value is not None:
                    raise UserError(f"{name} {value} says nothing without --scheme mcunetv2; add it")

    def _objective(self, board: Board | None) -> Objective | None:
        if self.objective is not None:
            return self.objective.value
        if board is None or self.sram is not None:
            return None  # the planner's own rule
        if self.max_overhead is not None:
            return "memory"
        # The emulator's own megabytes are no limit that anybody wants to make the most of.
        return "balanced" if board.runner == "qemu" else None


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
