"""``tvm-patch compile``: from a model to a folder of C."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.cli.options import JsonOption, ModelArgument, QuietOption, check_board, check_model
from tvm_patch.cli.output import Output
from tvm_patch.errors import DoesNotFitError

if TYPE_CHECKING:
    from microtvm_project.boards import Board


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


def compile_model(
    model: ModelArgument,
    folder: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the artifact; FOLDER.tar is written beside it.")
    ],
    board: Annotated[str, typer.Option("--board", help="What the code is for: tvm-patch boards.")] = "host",
    as_board: Annotated[
        str | None,
        typer.Option("--as", help="Board that --board stands for; its memory sizes are the limits."),
    ] = None,
    io: IoOption = Border.int8,
    name: Annotated[
        str | None, typer.Option("--name", help="Name in the C code; made from the file name otherwise.")
    ] = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Compile a model to C with a static arena, in microTVM's Model Library Format.

    \b
    Examples:
      tvm-patch compile person.tflite -o build/person --board nucleo_f746zg
      tvm-patch compile person.tflite -o build/person --board qemu_m7 --as nucleo_f746zg --name person
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_model(model)
    output = Output(json, quiet)
    check_board(board)
    limits = check_board(as_board or board)
    from tvm_patch.codegen.artifact import check_writable

    check_writable(folder)

    with output.progress(f"compiling {model.name}") as step:
        from tvm_patch import driver

        artifact = driver.compile(model, board=board, name=name, io=io.value, progress=step)
        _check_fits(limits, artifact.arena_bytes)
        step("writing", None)
        saved = artifact.save(folder)

    from tvm_patch.report import compile_report
    from tvm_patch.report.tables import print_compile

    report = compile_report(model.name, board, saved, artifact.metadata, len(artifact.contents.files))
    output.emit(report, print_compile)


def _check_fits(board: Board, arena_bytes: int) -> None:
    """Raise DoesNotFitError when the arena alone is larger than the board's SRAM."""
    sram = sum(m.length for m in board.memories if m.name == "SRAM")
    if sram and arena_bytes > sram:
        raise DoesNotFitError(
            f"the arena of {arena_bytes:,} bytes does not fit the {sram:,} bytes of SRAM of {board.name}; "
            "choose a larger board (tvm-patch boards) or a smaller network"
        )
