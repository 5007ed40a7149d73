"""What ``tvm-patch evaluate`` reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvm_patch.report.models import Report
from tvm_patch.report.text import kib

if TYPE_CHECKING:
    from tvm_patch.driver.evaluate import Evaluation


class EvaluationReport(Report):
    """How often a network is right.

    Attributes
    ----------
    model, data, part, board : str
    pictures : int
    accuracy : float
    classes : list of str
    recalls : list of float or None
        By class; None for a class without pictures.
    confusion : list of list of int
        Pictures by their class and by what the network said.
    differing : int
        Pictures for which the outputs were not the reference's, bit for bit.
    oracle : str
        What it was compared with; empty where it was not.
    arena_bytes : int
    """

    model: str
    data: str
    part: str
    board: str
    pictures: int
    accuracy: float
    classes: list[str]
    recalls: list[float | None]
    confusion: list[list[int]]
    differing: int
    oracle: str
    arena_bytes: int


def evaluation_report(
    model: str,
    data: str,
    part: str,
    board: str,
    classes: Sequence[str],
    found: Evaluation,
    arena_bytes: int,
) -> EvaluationReport:
    """Return the report of an evaluation."""
    return EvaluationReport(
        model=model,
        data=data,
        part=part,
        board=board,
        pictures=found.count,
        accuracy=found.accuracy,
        classes=list(classes),
        recalls=list(found.recalls),
        confusion=[list(row) for row in found.confusion],
        differing=found.differing,
        oracle=found.oracle,
        arena_bytes=arena_bytes,
    )


def print_evaluation(console: Console, report: EvaluationReport) -> None:
    """Print the report as tables."""
    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    for name in ("pictures", "right", "recall"):
        table.add_column(name, justify="right")
    table.add_column("most often taken for")
    for index, (name, row) in enumerate(zip(report.classes, report.confusion, strict=True)):
        recall = report.recalls[index]
        wrong = [(n, at) for at, n in enumerate(row) if at != index and n]
        most, taken = max(wrong, default=(0, 0))
        table.add_row(
            escape(name),
            f"{sum(row):,}",
            f"{row[index]:,}",
            "–" if recall is None else f"{recall:.1%}",
            f"{escape(report.classes[taken])} ({most:,})" if most else "",
        )
    console.print(table)
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_row("model", escape(report.model))
    facts.add_row("accuracy", f"{report.accuracy:.2%} of {report.pictures:,} pictures for {report.part}")
    facts.add_row("arena", f"{kib(report.arena_bytes)}, run on {report.board}")
    if report.oracle:
        exact = "bit for bit on all" if not report.differing else f"DIFFERS on {report.differing:,}"
        facts.add_row("reference", f"{exact}: {report.oracle}")
    console.print(facts)
