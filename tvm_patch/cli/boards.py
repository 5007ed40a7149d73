"""``tvm-patch boards``: the table of boards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tvm_patch.cli.options import JsonOption, QuietOption
from tvm_patch.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from tvm_patch.report.lists import BoardList


def boards(json: JsonOption = None, quiet: QuietOption = False) -> None:
    """List the boards for --board and --as, with their memories.

    \b
    Examples:
      tvm-patch boards
      tvm-patch boards --json - | jq '.boards[].name'
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    from microtvm_project.boards import BOARDS
    from tvm_patch.report.lists import BoardList, BoardReport

    rows = [
        BoardReport(
            name=b.name,
            cpu=b.cpu,
            clock_hz=b.clock_hz,
            console=b.console,
            runner=b.runner,
            memories={m.name: m.length for m in b.memories},
        )
        for b in BOARDS.values()
    ]
    output.emit(BoardList(boards=rows), _show)


def _show(console: Console, report: BoardList) -> None:
    from tvm_patch.report.columns import Column, fitted

    numbers = ("SRAM", "DTCM", "flash", "clock")
    columns = [Column("board"), Column("CPU", drop=1), *(Column(n, right=True) for n in numbers)]
    rows = []
    for b in report.boards:
        sizes = [
            f"{b.memories[m] // 1024} KiB" if m in b.memories else "–" for m in ("SRAM", "DTCM", "FLASH")
        ]
        clock = f"{b.clock_hz // 1_000_000} MHz" if b.clock_hz else "–"
        rows.append([b.name, b.cpu, *sizes, clock, b.runner])
    console.print(fitted(console, [*columns, Column("runs on", drop=2)], rows))
