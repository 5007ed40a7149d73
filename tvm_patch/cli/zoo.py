"""``tvm-patch zoo``: quantized networks with seeded weights, to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.cli.options import JsonOption, QuietOption
from tvm_patch.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from tvm_patch.report.lists import ZooList, ZooReport

zoo = typer.Typer()


@zoo.callback(invoke_without_command=True)
def _top(ctx: typer.Context) -> None:
    """Write well-known architectures with seeded weights as .tflite files."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@zoo.command("list")
def zoo_list(json: JsonOption = None, quiet: QuietOption = False) -> None:
    """List the architectures."""
    output = Output(json, quiet)
    from tvm_patch.report.lists import ArchitectureReport, ZooList
    from tvm_patch.zoo.registry import ARCHITECTURES

    rows = [
        ArchitectureReport(
            name=name,
            description=entry.description,
            width=entry.width,
            resolution=entry.resolution,
            classes=entry.classes,
        )
        for name, entry in ARCHITECTURES.items()
    ]
    output.emit(ZooList(architectures=rows), _show_list)


@zoo.command("write")
def zoo_write(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An architecture: tvm-patch zoo list.")],
    path: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    width: Annotated[
        float | None, typer.Option("--width", help="Factor on the channels; its own by default.")
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option("--resolution", min=1, help="Rows and columns of the input; its own by default."),
    ] = None,
    classes: Annotated[
        int | None, typer.Option("--classes", min=1, help="Outputs; its own by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the weights.")] = 0,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write a network to a .tflite file; the same options give the same bytes.

    \b
    Example:
      tvm-patch zoo write mobilenet_v2 --width 0.35 --resolution 96 --classes 2 -o small.tflite
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    from tvm_patch.files import check_can_write, write_bytes

    check_can_write(path)
    with output.progress(f"building {name}"):
        from tvm_patch.tflite.writer import write_model
        from tvm_patch.zoo.registry import build

        data = write_model(build(name, width, resolution, classes, seed))
        write_bytes(path, data)
    from tvm_patch.report.lists import ZooReport

    output.emit(ZooReport(name=name, path=str(path), bytes=len(data)), _show_written)


def _show_list(console: Console, report: ZooList) -> None:
    from tvm_patch.report.columns import Column, fitted

    columns = (
        Column("name"),
        *(Column(n, right=True, drop=k) for k, n in enumerate(("width", "classes", "resolution"), 1)),
        Column("what", least=20, fold=True),
    )
    rows = [
        [a.name, f"{a.width:g}", str(a.classes), str(a.resolution), a.description]
        for a in report.architectures
    ]
    console.print(fitted(console, columns, rows))


def _show_written(console: Console, report: ZooReport) -> None:
    console.print(f"{report.path}: {report.bytes:,} bytes")
