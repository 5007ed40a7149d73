"""``tvm-patch evaluate``: how often a compiled classifier is right."""

from __future__ import annotations

from typing import Annotated

import typer

from tvm_patch.cli.options import JsonOption, ModelArgument, QuietOption, check_board, check_model
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
from tvm_patch.errors import UserError


def evaluate(
    model: ModelArgument,
    data: Annotated[
        str,
        typer.Option("--data", metavar="DIR", help="Pictures by class: a folder or zip file, or digits."),
    ],
    part: Annotated[str, typer.Option("--part", help="test, validation or train.")] = "test",
    board: Annotated[str, typer.Option("--board", help="What it runs on: tvm-patch boards.")] = "host",
    as_board: Annotated[
        str | None, typer.Option("--as", help="Board whose memories an emulated one gets.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many.")] = None,
    levels: Annotated[
        str,
        typer.Option("--levels", metavar="BLACK,WHITE", help="What black and white are to the network."),
    ] = "-1,0.9921875",
    compare: Annotated[
        bool, typer.Option("--check/--no-check", help="Also run the reference, picture by picture.")
    ] = True,
    plan: PlanFileOption = None,
    input_mode: InputModeOption = None,
    scheme: SchemeOption = None,
    patches: PatchesOption = None,
    layers: LayersOption = None,
    sram: SramOption = None,
    max_overhead: MaxOverheadOption = None,
    objective: ObjectiveOption = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run a compiled classifier on pictures: accuracy, recall of every class, what is taken for what.

    Every output is compared with LiteRT's reference, bit for bit.

    \b
    Examples:
      tvm-patch evaluate network.tflite --data digits
      tvm-patch evaluate person.tflite --data photos/ --levels 0,1 --plan plan.json
      tvm-patch evaluate person.tflite --data photos/ --board qemu_m7 --limit 50 --json -
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_model(model)
    check_board(board)
    output = Output(json, quiet)
    options = PlanOptions(input_mode, scheme, patches, layers, sram, max_overhead, objective)
    source = plan_source(plan, options)
    ends = _levels(levels)
    from tvm_patch.nas.data.open import open_task
    from tvm_patch.nas.data.pictures import Task

    parts = ("test", "validation", "train")
    if part not in parts:
        raise UserError(f"--part {part} is unknown; use {', '.join(parts)}")
    with output.progress(f"reading {data}"):
        task = open_task(data)
    if not isinstance(task, Task):
        raise UserError(f"{data} has boxes; only classifiers are evaluated")
    with output.progress(f"evaluating {model.name}") as step, about(plan):
        from tvm_patch import driver
        from tvm_patch.driver.evaluate import evaluate as evaluate_artifact

        artifact = driver.compile(model, board=board, as_board=as_board, plan=source)
        found = evaluate_artifact(
            artifact,
            model.read_bytes(),
            getattr(task, part),
            board=board,
            as_board=as_board,
            limit=limit,
            compare=compare,
            levels=ends,
            progress=step,
        )
    from tvm_patch.report.evaluate import evaluation_report, print_evaluation

    report = evaluation_report(model.name, task.name, part, board, task.classes, found, artifact.arena_bytes)
    output.emit(report, print_evaluation)
    if found.differing:
        raise typer.Exit(1)


def _levels(text: str) -> tuple[float, float]:
    try:
        black, white = (float(number) for number in text.split(","))
    except ValueError as error:
        raise UserError(f"--levels {text} is not two numbers; write, such as, 0,1") from error
    if not (abs(black) < 1e6 and abs(white) < 1e6 and black != white):
        raise UserError(f"--levels {text}: black and white must be two different numbers")
    return black, white
