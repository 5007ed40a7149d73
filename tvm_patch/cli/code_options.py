"""Options about the code of kernels: what was measured, and what counts."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

_PANEL = "Code"


class Prefer(str, Enum):
    """Choices of ``--prefer``."""

    size = "size"
    balanced = "balanced"
    speed = "speed"


class WeightsInRamName(str, Enum):
    """Choices of ``--weights-in-ram``."""

    none = "none"
    auto = "auto"


DatabaseOption = Annotated[
    Optional[Path],  # noqa: UP045 -- typer reads it on Python 3.10
    typer.Option(
        "--database",
        metavar="DIR",
        help="Tuning database of tvm-patch tune, asked before the one that comes with the project.",
        rich_help_panel=_PANEL,
    ),
]
PreferOption = Annotated[
    Prefer,
    typer.Option(
        "--prefer",
        help="size: little code; balanced: all layers share their code; speed: code for each layer.",
        rich_help_panel=_PANEL,
    ),
]
WeightsInRamOption = Annotated[
    WeightsInRamName,
    typer.Option(
        "--weights-in-ram",
        help="auto: weights that are streamed from slow flash are copied to RAM at start, those that save most for a "
        "byte first, as far as the board's SRAM, or --sram, has room beside the arena; none: they stay in flash.",
        rich_help_panel=_PANEL,
    ),
]
