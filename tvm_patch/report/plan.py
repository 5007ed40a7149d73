"""What ``tvm-patch plan`` reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvm_patch.report.columns import Bar, Cell, Column, fitted
from tvm_patch.report.make import segment_reports
from tvm_patch.report.models import BoughtReport, Report, SegmentReport
from tvm_patch.report.text import bought_text, count, kib
from tvm_patch.targets.pipeline import ERROR_PERCENT

if TYPE_CHECKING:
    from tvm_patch.driver.plan import Planned


class FrontReport(Report):
    """An alternative.

    Attributes
    ----------
    arena_bytes : int
    overhead : float
    estimated_cycles : int
    """

    arena_bytes: int
    overhead: float
    estimated_cycles: int


class PlanReport(Report):
    """A plan.

    Attributes
    ----------
    model, input_mode, scheme : str
    arena_bytes : int
    bought : BoughtReport or None
        What of it was spent on speed; None where it is the least for these segments.
    layer_arena_bytes : int
        Layer by layer, with the input in the arena.
    overhead : float
        `macs_executed` over `macs`.
    macs, macs_executed, estimated_cycles : int
    cycles_core : str
        Whose cycles these are.
    cycles_error_percent : float
        How far the model that they are fitted to was from silicon at most; see ``docs/cycles.md``.
    peak : str
        What sets the arena.
    next_saving : str
        What less memory would cost.
    segments : list of SegmentReport
    front : list of FrontReport
        Least arena first.
    notes : list of str
        What was mended in the file, chosen of it and left out of it.
    """

    model: str
    input_mode: str
    scheme: str
    arena_bytes: int
    bought: BoughtReport | None = None
    layer_arena_bytes: int
    overhead: float
    macs: int
    macs_executed: int
    estimated_cycles: int
    cycles_core: str
    cycles_error_percent: float
    peak: str
    next_saving: str
    segments: list[SegmentReport] = Field(default_factory=list)
    front: list[FrontReport] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


def plan_report(model: str, planned: Planned) -> PlanReport:
    """Return the report of a planned model.

    Parameters
    ----------
    model : str
        Name for people: the file.
    planned : Planned
    """
    from tvm_patch.planner.explain import peak_text, saving_text

    plan, network = planned.plan, planned.network
    return PlanReport(
        model=model,
        input_mode=plan.input_mode,
        scheme=plan.scheme,
        arena_bytes=plan.arena_bytes,
        bought=BoughtReport(**plan.bought.model_dump()) if plan.bought else None,
        layer_arena_bytes=planned.layer_memory.placement.arena_bytes,
        overhead=plan.overhead,
        macs=plan.macs,
        macs_executed=plan.macs_executed,
        estimated_cycles=plan.estimated_cycles,
        cycles_core=network.target.timed_on,
        cycles_error_percent=ERROR_PERCENT[network.target.timed_on],
        peak=peak_text(network, planned.memory),
        next_saving=saving_text(network, planned.choice.point, planned.choice.front, plan.scheme),
        segments=segment_reports(planned.memory),
        front=[FrontReport(**p.model_dump()) for p in plan.front],
        notes=list(planned.notes),
    )


def print_plan(console: Console, report: PlanReport) -> None:
    """Print segments, the front and what sets the arena."""
    columns = (
        Column("segment", right=True),
        Column("operators", least=10),
        Column("runs in", right=True, drop=1),
        Column("overhead", right=True),
        Column("in use", right=True),
        Column("memory", drop=2),
    )
    peak = max((s.arena_bytes for s in report.segments), default=0)
    marked = next((i for i, s in enumerate(report.segments) if s.arena_bytes == peak), None)
    rows: list[list[Cell]] = [
        [
            str(i),
            _ranges(s.operators),
            s.pieces,
            f"{s.overhead:.3f}",
            f"{s.arena_bytes:,}",
            Bar(s.arena_bytes, peak, " ← peak" if i == marked else ""),
        ]
        for i, s in enumerate(report.segments)
    ]
    styles = ["bold" if i == marked else None for i in range(len(rows))]
    console.print(fitted(console, columns, rows, styles))
    if len(report.front) > 1:
        console.print()
        front = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("alternatives: arena", "overhead", "cycles"):
            front.add_column(name, justify="right", no_wrap=True)
        chosen = (report.arena_bytes, report.overhead, report.estimated_cycles)
        for p in report.front:
            mine = (p.arena_bytes, p.overhead, p.estimated_cycles) == chosen
            front.add_row(
                kib(p.arena_bytes) + (" ← chosen" if mine else ""),
                f"{p.overhead:.4f}",
                count(p.estimated_cycles),
                style="bold" if mine else None,
            )
        console.print(front)
    console.print()
    core = f"by the estimate for a {report.cycles_core.title()}, whose model is held against silicon:"
    said = [
        ("model", f"{escape(report.model)}, {report.input_mode} input, scheme {report.scheme}"),
        *(("note", f"[yellow]{escape(note)}[/]") for note in report.notes),
        (
            "arena",
            f"{kib(report.arena_bytes)}; layer by layer, input resident: {kib(report.layer_arena_bytes)}",
        ),
        *([("", bought_text(report.bought))] if report.bought else []),
        ("", escape(report.peak)),
        ("", escape(report.next_saving)),
        ("MACs", f"{count(report.macs_executed)} executed, overhead {report.overhead:.4f}"),
        ("cycles", f"about {count(report.estimated_cycles)}, {core} ±{report.cycles_error_percent:g} %"),
    ]
    summary = Table(box=None, show_header=False, pad_edge=False)
    summary.add_column(style="cyan")
    summary.add_column(overflow="fold")
    for line in said:
        summary.add_row(*line)
    console.print(summary)


def _ranges(operators: list[int]) -> str:
    from tvm_patch.planner.explain import operators_text

    return operators_text(operators)
