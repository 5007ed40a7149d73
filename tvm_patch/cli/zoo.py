"""``tvm-patch zoo``: quantized networks with seeded weights, to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.cli.options import JsonOption, QuietOption
from tvm_patch.cli.output import Output
from tvm_patch.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from tvm_patch.report.lists import ZooList, ZooReport

zoo = typer.Typer(
    help="Well-known architectures with seeded weights, as .tflite files.", no_args_is_help=True
)


@zoo.command("list")
def zoo_list(json: JsonOption = None, quiet: QuietOption = False) -> None:
    """List the architectures."""
    output = Output(json, quiet)
    from tvm_patch.report.lists import ArchitectureReport, ZooList
    from tvm_patch.zoo.registry import ARCHITECTURES

    rows = [ArchitectureReport(name=name, description=_summary(a)) for name, a in ARCHITECTURES.items()]
    output.emit(ZooList(architectures=rows), _show_list)


@zoo.command("write")
def zoo_write(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An architecture: tvm-patch zoo list.")],
    path: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    width: Annotated[float, typer.Option("--width", min=0.01, help="Factor on the channels.")] = 1.0,
    resolution: Annotated[
        int | None, typer.Option("--resolution", min=1, help="Rows and columns of the input.")
    ] = None,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="Size of the output.")] = None,
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
    from tvm_patch.report.atomic import check_can_write, write_bytes

    check_can_write(path)
    from tvm_patch.zoo.registry import ARCHITECTURES, build

    if name not in ARCHITECTURES:
        raise UserError(f"unknown architecture {name!r}; known are {', '.join(ARCHITECTURES)}")
    options = {"resolution": resolution, "classes": classes}
    with output.progress(f"building {name}"):
        from tvm_patch.tflite.writer import write_model

        given = {k: v for k, v in options.items() if v is not None}
        data = write_model(build(name, width=width, seed=seed, **given))
        write_bytes(path, data)
    from tvm_patch.report.lists import ZooReport

    output.emit(ZooReport(name=name, path=str(path), bytes=len(data)), _show_written)


def _summary(architecture: object) -> str:
    """Return the first line of what an architecture says of itself."""
    text = getattr(architecture, "description", None) or architecture.__doc__ or ""
    return str(text).strip().split("\n")[0]


def _show_list(console: Console, report: ZooList) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for a in report.architectures:
        table.add_row(a.name, a.description)
    console.print(table)


def _show_written(console: Console, report: ZooReport) -> None:
    console.print(f"{report.path}: {report.bytes:,} bytes")
