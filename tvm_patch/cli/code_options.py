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
