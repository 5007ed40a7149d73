"""``tvm-patch compile``: from a model to a folder of C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.cli.code_options import (
    DatabaseOption,
    Prefer,
    PreferOption,
    WeightsInRamName,
    WeightsInRamOption,
)
from tvm_patch.cli.options import (
    Border,
    IoOption,
    JsonOption,
    ModelArgument,
    QuietOption,
    SignatureOption,
    check_board,
    check_model,
)
from tvm_patch.cli.output import Output
from tvm_patch.cli.plan_options import (
    InputModeOption,
    LayersOption,
    MaxOverheadOption,
    ObjectiveOption,
    PatchesOption,
    PlanFileOption,
    PlanOptions,
    SchemeOption,
    SramOption,
)
from tvm_patch.cli.plan_source import about, plan_source
from tvm_patch.errors import DoesNotFitError

if TYPE_CHECKING:
    from microtvm_project.boards import Board


def compile_model(
    model: ModelArgument,
    folder: Annotated[
        Path, typer.Option("-o", "--output", help="Folder of the artifact; FOLDER.tar is written beside it.")
    ],
    board: Annotated[str, typer.Option("--board", help="What the code is for: tvm-patch boards.")] = "host",
    as_board: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Board that --board stands for: its memories are the limits, and what loops are ordered by.",
        ),
    ] = None,
    io: IoOption = Border.int8,
    name: Annotated[
        str | None, typer.Option("--name", help="Name in the C code; made from the file name otherwise.")
    ] = None,
    plan: PlanFileOption = None,
    input_mode: InputModeOption = None,
    scheme: SchemeOption = None,
    patches: PatchesOption = None,
    layers: LayersOption = None,
    sram: SramOption = None,
    max_overhead: MaxOverheadOption = None,
    objective: ObjectiveOption = None,
    database: DatabaseOption = None,
    prefer: PreferOption = Prefer.balanced,
    weights_in_ram: WeightsInRamOption = WeightsInRamName.none,
    signature: SignatureOption = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Compile a model to C with a static arena, in microTVM's Model Library Format.

    \b
    Examples:
      tvm-patch compile person.tflite -o build/person --board nucleo_f746zg
      tvm-patch compile person.tflite -o build/person --board qemu_m7 --as nucleo_f746zg --name person
      tvm-patch compile person.tflite -o build/person --plan plan.json
      tvm-patch compile person.tflite -o build/person --board nucleo_f412zg --input-mode streamed
      tvm-patch compile person.tflite -o build/person --board qemu_m7 --database build/tuned --prefer speed
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_model(model)
    output = Output(json, quiet)
    check_board(board)
    limits = check_board(as_board or board)
    options = PlanOptions(input_mode, scheme, patches, layers, sram, max_overhead, objective)
    source = plan_source(plan, options, limits)
    from tvm_patch.codegen.artifact import check_writable

    check_writable(folder)

    with output.progress(f"compiling {model.name}") as step, about(plan):
        from microtvm_project.arena_room import room_of
        from tvm_patch import driver

        artifact = driver.compile(
            model,
            board=board,
            as_board=as_board,
            name=name,
            io=io.value,
            plan=source,
            database=database,
            prefer=prefer.value,
            weights_in_ram=weights_in_ram.value,
            signature=signature,
            sram=room_of(limits),
            progress=step,
        )
        _check_fits(limits, "SRAM", "the arena", artifact.arena_bytes)
        _check_fits(limits, "FLASH", "the constants", artifact.metadata.constant_bytes)
        step("writing", None)
        saved = artifact.save(folder)

    from tvm_patch.report import compile_report
    from tvm_patch.report.tables import print_compile

    report = compile_report(model.name, board, saved, artifact.metadata, len(artifact.contents.files))
    output.emit(report, print_compile)


def _check_fits(board: Board, memory: str, what: str, need: int) -> None:
    """Raise DoesNotFitError when one part of the model alone is larger than the board's memory for it."""
    length = sum(m.length for m in board.memories if m.name == memory)
    if length and need > length:
        raise DoesNotFitError(
            f"{what} of {need:,} bytes does not fit the {length:,} bytes of {memory} of {board.name}: "
            f"{need - length:,} bytes too many; choose a larger board (tvm-patch boards) or a smaller network"
        )
