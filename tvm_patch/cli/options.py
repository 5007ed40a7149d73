"""Options that several commands share, and checks that are worth doing before any work."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.errors import UserError

if TYPE_CHECKING:
    from microtvm_project.boards import Board

JsonOption = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write the report as JSON to a file, or - for stdout."),
]
SignatureOption = Annotated[
    str | None,
    typer.Option(
        "--signature", metavar="NAME", help="Which of the file's signatures; the first subgraph without it."
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no tables and no progress.")]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A quantized .tflite file.")]


class Border(str, Enum):
    """Types at the model's border."""

    int8 = "int8"
    float = "float"


IoOption = Annotated[
    Border,
    typer.Option(
        "--io",
        help="int8: take and give int8, folding QUANTIZE and DEQUANTIZE at the border; "
        "float: take and give what the file does.",
    ),
]


def check_model(path: Path) -> Path:
    """Raise UserError unless `path` is a file that can be read."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; give a .tflite file")
    if not path.is_file():
        raise UserError(f"{path} does not exist; give a .tflite file")
    return path


def check_board(name: str) -> Board:
    """Return a board by name; raises UserError when it is not in the table."""
    from microtvm_project.boards import get_board

    return get_board(name)
