"""``tvm-patch inspect``: what a model costs, before compiling it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tvm_patch.cli.options import JsonOption, ModelArgument, QuietOption, check_model
from tvm_patch.cli.output import Output


def inspect(
    model: ModelArgument,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the memory per operator to a picture file.")
    ] = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Show operators, MACs and the memory that each one needs, with the peak marked.

    \b
    Examples:
      tvm-patch inspect person.tflite
      tvm-patch inspect person.tflite --plot memory.png
      tvm-patch inspect person.tflite --json - | jq .arena_bytes
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_model(model)
    output = Output(json, quiet)
    if plot is not None:
        from tvm_patch.report.atomic import check_can_write
        from tvm_patch.report.plot import require_matplotlib

        require_matplotlib()
        check_can_write(plot)

    with output.progress(f"reading {model.name}"):
        from tvm_patch import driver
        from tvm_patch.report import inspect_report

        analysis = driver.analyse(model)
    report = inspect_report(model.name, analysis)
    if plot is not None:
        from tvm_patch.report.plot import plot_memory

        plot_memory(report, plot)

    from tvm_patch.report.tables import print_inspect

    output.emit(report, print_inspect)
