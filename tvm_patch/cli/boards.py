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
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("board", "CPU", "SRAM", "DTCM", "flash", "clock", "runs on"):
        table.add_column(column, justify="right" if column in ("SRAM", "DTCM", "flash", "clock") else "left")
    for b in report.boards:
        sizes = [
            f"{b.memories[m] // 1024} KiB" if m in b.memories else "–" for m in ("SRAM", "DTCM", "FLASH")
        ]
        clock = f"{b.clock_hz // 1_000_000} MHz" if b.clock_hz else "–"
        table.add_row(b.name, b.cpu, *sizes, clock, b.runner)
    console.print(table)
