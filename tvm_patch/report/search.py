"""What ``tvm-patch search`` reports."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tvm_patch.driver.evaluate import Evaluation
from tvm_patch.report.models import Report
from tvm_patch.report.text import count, kib

if TYPE_CHECKING:
    from tvm_patch.driver.evaluate_detector import DetectorEvaluation
    from tvm_patch.driver.searched import Searched


class BlockReport(Report):
    """A block of the chosen network.

    Attributes
    ----------
    channels, kernel, stride : int
    expand, squeeze : float
    """

    channels: int
    kernel: int
    stride: int
    expand: float
    squeeze: float


class SearchReport(Report):
    """The chosen network, what it takes and how good it is.

    Attributes
    ----------
    task, board, folder : str
    judged : int
        Subnets whose accuracy was looked at.
    measure : str
        ``accuracy``, or ``AP50`` of detectors: average precision at an overlap of a half.
    inherited_accuracy : float
        On the validation pictures, with the super network's weights.
    test_accuracy : float
        Of the compiled int8 program, on all test pictures.
    test_pictures, differing : int
        How many there are, and for how many the outputs were not the reference's to the last bit.
    recalls : list of float or None
        By class; of detectors average precisions.
    classes : list of str
    resolution, stem, head : int
    blocks : list of BlockReport
    schedule : str
        ``layers``, ``patches`` or ``planner``.
    macs, macs_executed, cycles : int
        ``cycles`` by the planner's estimate.
    predicted_arena_bytes, predicted_flash_bytes : int
        From the record.
    arena_bytes, constant_bytes : int
        As compiled for the board.
    sram_limit, flash_limit, cycle_limit : int or None
    """

    task: str
    board: str
    folder: str
    judged: int
    measure: str
    inherited_accuracy: float
    test_accuracy: float
    test_pictures: int
    differing: int
    recalls: list[float | None]
    classes: list[str]
    resolution: int
    stem: int
    head: int
    blocks: list[BlockReport]
    schedule: str
    macs: int
    macs_executed: int
    cycles: int
    predicted_arena_bytes: int
    predicted_flash_bytes: int
    arena_bytes: int
    constant_bytes: int
    sram_limit: int | None
    flash_limit: int | None
    cycle_limit: int | None


def search_report(
    task: str, classes: tuple[str, ...], board: str, folder: str, done: Searched
) -> SearchReport:
    """Return the report of a search."""
    found, meta, limits = done.found, done.artifact.metadata, done.settings.limits
    measure, accuracy, pictures, recalls = _measured(done.evaluation)
    architecture, cost = found.candidate.architecture, found.chosen.cost
    return SearchReport(
        task=task,
        board=board,
        folder=folder,
        judged=sum(len(g.judged) for g in found.generations),
        inherited_accuracy=found.accuracy,
        measure=measure,
        test_accuracy=accuracy,
        test_pictures=pictures,
        differing=done.evaluation.differing,
        recalls=recalls,
        classes=list(classes),
        resolution=architecture.resolution,
        stem=architecture.stem,
        head=architecture.head,
        blocks=[
            BlockReport(
                channels=b.channels, kernel=b.kernel, stride=b.stride, expand=b.expand, squeeze=b.squeeze
            )
            for b in architecture.blocks
        ],
        schedule=found.candidate.schedule.how,
        macs=meta.macs,
        macs_executed=meta.macs_executed,
        cycles=done.plan.estimated_cycles,
        predicted_arena_bytes=cost.arena_bytes,
        predicted_flash_bytes=cost.flash_bytes,
        arena_bytes=meta.arena_bytes,
        constant_bytes=meta.constant_bytes,
        sram_limit=limits.sram_bytes,
        flash_limit=limits.flash_bytes,
        cycle_limit=limits.cycles,
    )


def print_search(console: Console, report: SearchReport) -> None:
    """Print the report as tables."""
    blocks = Table(box=None, pad_edge=False)
    for name in ("block", "kernel", "stride", "expand", "squeeze", "channels"):
        blocks.add_column(name, justify="right")
    for index, b in enumerate(report.blocks):
        cells = (
            index,
            b.kernel,
            b.stride,
            f"{b.expand:g}",
            f"{b.squeeze:g}" if b.squeeze else "",
            b.channels,
        )
        blocks.add_row(*map(str, cells))
    console.print(blocks)
    facts = Table(box=None, show_header=False, pad_edge=False)
    pictures = f"{report.test_accuracy:.2%} on {report.test_pictures:,} test pictures, compiled"
    exact = "as the reference, bit for bit" if not report.differing else f"{report.differing} DIFFER"
    for name, value in (
        ("task", f"{report.task}, {len(report.classes)} classes at {report.resolution}×{report.resolution}"),
        (report.measure, f"{pictures} ({exact})"),
        ("inherited", f"{report.inherited_accuracy:.2%} on validation, {report.judged:,} subnets judged"),
        ("arena", f"{kib(report.arena_bytes)}{_of(report.sram_limit)}, {report.schedule}"),
        ("constants", f"{kib(report.constant_bytes)}{_of(report.flash_limit)}"),
        ("MACs", f"{count(report.macs)}, executed {count(report.macs_executed)}"),
        ("cycles", f"about {count(report.cycles)} on {report.board}, by the planner's estimate"),
        ("folder", report.folder),
    ):
        facts.add_row(name, value)
    console.print(facts)


def _measured(
    evaluation: Evaluation | DetectorEvaluation,
) -> tuple[str, float, int, list[float | None]]:
    """Return what was measured, its value, of how many pictures, and by class."""
    if isinstance(evaluation, Evaluation):
        return "accuracy", evaluation.accuracy, evaluation.count, list(evaluation.recalls)
    by_class = [None if math.isnan(ap) else float(ap) for ap in evaluation.score.ap50]
    return "AP50", evaluation.score.mean_ap50, len(evaluation.found), by_class


def _of(limit: int | None) -> str:
    return "" if limit is None else f" of {limit / 1024:.1f} KiB"
