"""``tvm-patch inspect``: what a model costs, before compiling it."""

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


def inspect(
    model: ModelArgument,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the memory per operator to a picture file.")
    ] = None,
    io: IoOption = Border.int8,
    plan: PlanFileOption = None,
    input_mode: InputModeOption = None,
    scheme: SchemeOption = None,
    patches: PatchesOption = None,
    layers: LayersOption = None,
    sram: SramOption = None,
    max_overhead: MaxOverheadOption = None,
    objective: ObjectiveOption = None,
    signature: SignatureOption = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Show operators, MACs and the memory that each one needs, with the peak marked.

    \b
    Examples:
      tvm-patch inspect person.tflite
      tvm-patch inspect person.tflite --plot memory.png
      tvm-patch inspect person.tflite --json - | jq .arena_bytes
      tvm-patch inspect person.tflite --plan plan.json --plot planned.png
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_model(model)
    output = Output(json, quiet)
    options = PlanOptions(input_mode, scheme, patches, layers, sram, max_overhead, objective)
    source = plan_source(plan, options)
    if plot is not None:
        from tvm_patch.report.plot_parts import check_plot

        check_plot(plot)

    with output.progress(f"reading {model.name}") as step, about(plan):
        from tvm_patch import driver
        from tvm_patch.report import inspect_report

        analysis = driver.analyse(model, io.value, plan=source, signature=signature, progress=step)
    report = inspect_report(model.name, analysis)
    if plot is not None:
        from tvm_patch.report.plot import plot_memory

        plot_memory(report, plot)

    from tvm_patch.report.tables import print_inspect

    output.emit(report, print_inspect)
