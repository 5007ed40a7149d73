"""``tvm-patch plan``: which operators run together, in how many bands, and what that saves and costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    PlanOptions,
    SchemeOption,
    SramOption,
)


def plan(
    model: ModelArgument,
    input_mode: InputModeOption = None,
    sram: SramOption = None,
    board: Annotated[
        str | None,
        typer.Option("--board", help="Keep the arena within a board's SRAM: tvm-patch boards."),
    ] = None,
    max_overhead: MaxOverheadOption = None,
    objective: ObjectiveOption = None,
    scheme: SchemeOption = None,
    patches: PatchesOption = None,
    layers: LayersOption = None,
    io: IoOption = Border.int8,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Write the plan to a file for --plan of compile, run, inspect."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw memory per operator, before and after, and the alternatives."),
    ] = None,
    signature: SignatureOption = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Plan a model patch by patch: segments, bands, the arena and the work done twice.

    \b
    Examples:
      tvm-patch plan person.tflite
      tvm-patch plan person.tflite --input-mode streamed --sram 20K
      tvm-patch plan person.tflite --input-mode rereadable --max-overhead 1.05 --save plan.json
      tvm-patch plan person.tflite --board nucleo_f412zg --json - | jq .arena_bytes
      tvm-patch plan person.tflite --scheme mcunetv2 --patches 2 --layers 6 --plot plan.png
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_model(model)
    output = Output(json, quiet)
    options = PlanOptions(input_mode, scheme, patches, layers, sram, max_overhead, objective)
    request = options.request(check_board(board) if board is not None else None)
    from tvm_patch.files import check_can_write

    if save is not None:
        check_can_write(save)
    if plot is not None:
        from tvm_patch.report.plot_parts import check_plot

        check_plot(plot)

    with output.progress(f"planning {model.name}") as step:
        from tvm_patch import driver

        planned = driver.plan(
            model, request, io.value, signature=signature, progress=step, board=board or "host"
        )
    if save is not None:
        planned.plan.save(save)
    if plot is not None:
        from tvm_patch.report.plot_plan import plot_plan

        plot_plan(model.stem, planned, plot)

    from tvm_patch.report.plan import plan_report, print_plan

    output.emit(plan_report(model.name, planned), print_plan)
