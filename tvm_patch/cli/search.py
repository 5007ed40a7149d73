"""``tvm-patch search``: from data and a board to a trained network, its plan and its code."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tvm_patch.cli.options import JsonOption, QuietOption, check_board
from tvm_patch.cli.output import Output
from tvm_patch.cli.plan_options import InputModeName, parse_size
from tvm_patch.errors import UserError

if TYPE_CHECKING:
    from microtvm_project.boards import Board
    from tvm_patch.nas.data.pictures import Task
    from tvm_patch.nas.detection.head import Head
    from tvm_patch.nas.detection.scenes import DetectionTask
    from tvm_patch.nas.limits import Limits
    from tvm_patch.nas.presets import SearchRecipe
    from tvm_patch.nas.space import Space

_CODE = 64 * 1024
"""Of a board's flash, what is left for code and whatever else the firmware has."""
_DEFAULTS = ((24 * 1024, "tiny-16k"), (64 * 1024, "tiny-32k"))
"""Spaces that are searched below so many bytes of SRAM, where none is named."""
_LARGE = "mcunetv2"


class ScheduleName(str, Enum):
    """Choices of ``--schedule``."""

    planner = "planner"
    patches = "patches"
    layers = "layers"
    tflm = "tflm"


def search(
    data: Annotated[
        str,
        typer.Option(
            "--data", metavar="DIR", help="Pictures: a folder or zip file, or digits, which are made."
        ),
    ],
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="For all results; one that exists goes on.")
    ],
    board: Annotated[
        str | None, typer.Option("--board", help="That the network is for; stm32f746g_disco by default.")
    ] = None,
    sram: Annotated[
        str | None, typer.Option("--sram", help="Most bytes of arena, such as 16K; the board's by default.")
    ] = None,
    flash: Annotated[
        str | None,
        typer.Option("--flash", help="Most bytes of constants; the board's less 64K for code by default."),
    ] = None,
    latency: Annotated[
        float | None,
        typer.Option("--latency", min=0.001, help="Most milliseconds, by the planner's estimate of cycles."),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            metavar="NAME|FILE",
            help="How much work: smoke, quick, a published full-scale search such as imagenet-f746, or a file of one.",
        ),
    ] = "quick",
    space: Annotated[
        str | None, typer.Option("--space", help="To search: a name, or the JSON file of one.")
    ] = None,
    schedule: Annotated[
        ScheduleName | None,
        typer.Option(
            "--schedule",
            help="What subnets may run with: plans; p×p patches, as in the paper; one layer after another; "
            "the same in the arena that TFLite Micro would plan.",
        ),
    ] = None,
    input_mode: Annotated[
        InputModeName | None, typer.Option("--input-mode", help="Where the picture comes from; resident.")
    ] = None,
    max_overhead: Annotated[
        float | None,
        typer.Option("--max-overhead", min=1.0, help="Most work of a plan over the network's; 1.1."),
    ] = None,
    anchors: Annotated[
        int | None, typer.Option("--anchors", min=1, max=20, help="Of a detector, where pictures have boxes.")
    ] = None,
    random: Annotated[
        bool, typer.Option("--random", help="Draw subnets at random instead of evolving them.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")] = 0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="That judge subnets, on the cluster.")] = 2,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="ADDRESS", help="Of a Ray cluster; local starts one here."),
    ] = None,
    json: JsonOption = None,
    quiet: QuietOption = False,
) -> None:
    """Search a network and how it runs together, train it and compile it.

    A super network is trained once; evolution chooses among its subnets, each with the schedule that suits it; the
    chosen one is trained on, quantized, and its accuracy is that of the compiled program.  Interrupt it at any time:
    with the same options and folder it goes on, and ends as if it had not been.

    \b
    Examples:
      tvm-patch search --data digits --sram 16K --flash 128K -o build/digits
      tvm-patch search --data photos/ --board nucleo_f412zg --input-mode rereadable -o build/photos
      tvm-patch search --data cells.zip --anchors 5 --sram 64K -o build/cells
      tvm-patch search --preset imagenet-f746 --data imagenet/ --cluster ray://head:10001 --workers 8 -o build/imagenet
      tvm-patch search --data photos.zip --schedule patches --json - -o build/p | jq .test_accuracy
    """  # noqa: D301 -- \b keeps the lines apart in --help
    output = Output(json, quiet)
    from tvm_patch.nas.data.open import open_task
    from tvm_patch.nas.data.pictures import Task
    from tvm_patch.nas.detection.anchors import find_anchors
    from tvm_patch.nas.detection.head import Head
    from tvm_patch.nas.how import How
    from tvm_patch.nas.presets import preset_named

    asked = preset_named(preset)
    board = board or asked.board
    limits = _limits(check_board(board), asked, sram, flash, latency)
    require_training()
    with output.progress(f"reading {data}"):
        task = open_task(data)
    head = None
    if not isinstance(task, Task):
        head = Head(
            classes=task.classes, anchors=find_anchors(task.train.boxes, anchors or asked.anchors, seed)
        )
        asked = asked.for_detectors()
    from tvm_patch.driver.search import Judging, Settings
    from tvm_patch.driver.searched import search as run_search

    settings = Settings(
        space=_space(space or asked.space, limits, task, head),
        how=How(
            kind=schedule.value if schedule is not None else asked.how.kind,
            mode=input_mode.value if input_mode is not None else asked.how.mode,
            max_overhead=max_overhead or asked.how.max_overhead,
        ),
        limits=limits,
        training=asked.training,
        judging=Judging(batches=asked.batches),
        evolution=asked.evolution,
        random=random,
        finish=asked.finish,
        seed=seed,
        head=head,
    )
    with output.progress(f"searching on {task.name}") as step:
        done = run_search(task, settings, folder, board=board, count=workers, address=cluster, progress=step)
    from tvm_patch.driver.analyse import analyse
    from tvm_patch.files import write_text
    from tvm_patch.report import inspect_report
    from tvm_patch.report.plot import plot_memory
    from tvm_patch.report.plot_search import plot_front, plot_generations
    from tvm_patch.report.search import print_search, search_report

    analysis = analyse(done.model, plan=done.plan, board=board)
    plot_memory(inspect_report("network.tflite", analysis), folder / "memory.png")
    plot_generations(done.found.generations, folder / "generations.png")
    here = (done.found.chosen.cost.arena_bytes, done.found.accuracy)
    plot_front(done.found.points, here, limits.sram_bytes, folder / "front.png")
    report = search_report(task.name, task.classes, board, str(folder), done)
    write_text(folder / "report.json", report.to_json())
    output.emit(report, print_search)
    if done.evaluation.differing:
        raise typer.Exit(1)


def require_training() -> None:
    """Raise ToolMissingError unless everything is there that training and its report need, before hours of work."""
    from importlib.util import find_spec

    from tvm_patch.errors import ToolMissingError

    for module, name in (
        ("tensorflow", "TensorFlow"),
        ("ai_edge_litert", "LiteRT"),
        ("matplotlib", "matplotlib"),
    ):
        if find_spec(module) is None:
            raise ToolMissingError(f"training needs {name}; install it with: pip install 'tvm-patch[nas]'")


def _limits(
    board: Board, asked: SearchRecipe, sram: str | None, flash: str | None, latency: float | None
) -> Limits:
    from microtvm_project.arena_room import board_sram
    from tvm_patch.nas.limits import Limits

    most = sum(m.length for m in board.memories if m.name == "FLASH") - _CODE
    if latency is not None and board.clock_hz is None:
        raise UserError(f"{board.name} has no clock, so no milliseconds; leave --latency out")
    return Limits(
        sram_bytes=parse_size(sram) if sram else asked.sram_bytes or board_sram(board) or None,
        flash_bytes=parse_size(flash, "--flash")
        if flash
        else asked.flash_bytes or (most if most > 0 else None),
        cycles=int(latency * (board.clock_hz or 0) / 1000) if latency is not None else None,
    )


def _space(name: str | None, limits: Limits, task: Task | DetectionTask, head: Head | None) -> Space:
    from tvm_patch.nas import space as records
    from tvm_patch.nas.spaces import SPACES, space_of

    if name is None:
        sram = limits.sram_bytes
        name = next((small for most, small in _DEFAULTS if sram is not None and sram < most), _LARGE)
    if name in SPACES:
        found = space_of(name, len(task.classes), 1 if task.colors == 1 else 3)
    else:
        found = records.Space.load(name)
    asked = {"classes": len(task.classes), "colors": task.colors}
    return found.model_copy(update={**asked, "detector": head.channels if head is not None else 0})
