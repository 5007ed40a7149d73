"""``tvm-patch search-space``: which space of networks suits a board, before anything is trained."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from tvm_patch.cli.options import JsonOption, QuietOption, check_board
from tvm_patch.cli.output import Output
from tvm_patch.cli.plan_options import InputModeName, parse_size


class Schedule(str, Enum):
    """Choices of ``--schedule``."""

    layers = "layers"
    patches = "patches"
    planner = "planner"


def search_space(
    folder: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Keeps results; an interrupted search goes on there."
        ),
    ],
    board: Annotated[
        str, typer.Option("--board", help="Whose memories and core count: tvm-patch boards.")
    ] = "stm32f746g_disco",
    sram: Annotated[
        str | None,
        typer.Option("--sram", metavar="SIZE", help="Most bytes of the arena: 64K; the board's otherwise."),
    ] = None,
    flash: Annotated[
        str | None,
        typer.Option(
            "--flash", metavar="SIZE", help="Most bytes of constants and code: 1M; the board's otherwise."
        ),
    ] = None,
    family: Annotated[
        str, typer.Option("--family", help="Which spaces: mcunet (108 of them), tiny (24).")
    ] = "mcunet",
    samples: Annotated[int, typer.Option("--samples", min=1, max=1_000_000, help="Of each space.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the samples.")] = 0,
    schedule: Annotated[
        Schedule,
        typer.Option(
            "--schedule",
            help="How networks run: one layer after another, in the best p×p patches, or by the planner "
            "(asked of the ten best spaces in patches).",
        ),
    ] = Schedule.patches,
    input_mode: Annotated[
        InputModeName, typer.Option("--input-mode", help="Where the picture comes from.")
    ] = InputModeName.resident,
    max_overhead: Annotated[
        float,
        typer.Option("--max-overhead", min=1, max=16, help="Most work, of what is needed without patches."),
    ] = 1.5,
    classes: Annotated[int, typer.Option("--classes", min=1, max=10_000, help="Of the task.")] = 1000,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; one a core otherwise.")
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the work of networks that fit, and the best space by memory.")
    ] = False,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Find the space whose networks do the most work in a board's memories (MCUNet's first search).

    Samples of every space are measured once, by their shapes; those that fit are compared.  The space is written to
    DIR/space.json.

    \b
    Examples:
      tvm-patch search-space --board stm32f746g_disco -o spaces
      tvm-patch search-space --family tiny --classes 10 --sram 16K --flash 128K -o spaces --plot
      tvm-patch search-space --board nucleo_f412zg --schedule layers --samples 200 -o spaces --json -
    """  # noqa: D301 -- \b keeps the lines apart in --help
    check_board(board)
    output = Output(json, quiet)
    sizes = [None if s is None else parse_size(s, o) for s, o in ((sram, "--sram"), (flash, "--flash"))]
    if plot:
        from tvm_patch.report.plot_parts import require_matplotlib

        require_matplotlib()
    from tvm_patch.driver.search_space import limits_of
    from tvm_patch.driver.search_space import search_space as search
    from tvm_patch.nas.survey import Settings

    settings = Settings(
        target=check_board(board).cpu,
        way=schedule.value,
        mode=input_mode.value,
        max_overhead=max_overhead,
        samples=samples,
        seed=seed,
    )
    limits = limits_of(board, *sizes)
    import os

    with output.progress(f"{family} for {board}") as step:
        found = search(board, family, settings, limits, folder, classes, workers or os.cpu_count() or 1, step)
    if plot:
        from tvm_patch.report.plot_spaces import plot_spaces

        plot_spaces(found, folder)
    from tvm_patch.report.search_space import print_search_space, search_space_report

    output.emit(search_space_report(board, family, str(folder), found), print_search_space)
