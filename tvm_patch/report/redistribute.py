"""What ``tvm-patch redistribute`` reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvm_patch.report.models import Report
from tvm_patch.report.text import count, kib

if TYPE_CHECKING:
    from tvm_patch.driver.redistribute import Redistributed
    from tvm_patch.redistribution.measure import Measures


class EditReport(Report):
    """One edit.

    Attributes
    ----------
    kind : str
        ``SetKernel``, ``RemoveBlock`` or ``InsertBlock``.
    tensor : str
        The tensor concerned, by its name in the imported network.
    text : str
        In words.
    """

    kind: str
    tensor: str
    text: str


class MeasuresReport(Report):
    """Figures of one network.

    Attributes
    ----------
    layers : int
        Operators of the patch stage.
    field_rows, field_columns : int
        Of the input, read by a patch in the middle.
    stage_macs : int
    stage_overhead, stage_overhead_inside : float
        With patches clipped at the border, and were all as large as one in the middle.
    overhead, overhead_inside : float
        The same over the whole network.
    macs, weight_bytes : int
    last_field_rows, last_field_columns : int
        Of the input, seen by an element of the last convolution.
    layer_arena_bytes, patched_arena_bytes : int
    """

    layers: int
    field_rows: int
    field_columns: int
    stage_macs: int
    stage_overhead: float
    stage_overhead_inside: float
    overhead: float
    overhead_inside: float
    macs: int
    weight_bytes: int
    last_field_rows: int
    last_field_columns: int
    layer_arena_bytes: int
    patched_arena_bytes: int


class RedistributeReport(Report):
    """A redistributed model.

    Attributes
    ----------
    model, path : str
        What was read and what was written.
    recipe : str or None
        None after a search.
    patches : int
        Along each axis.
    tensor : str
        What the patch stage makes.
    edits : list of EditReport
    before, after : MeasuresReport
    """

    model: str
    path: str
    recipe: str | None
    patches: int
    tensor: str
    edits: list[EditReport]
    before: MeasuresReport
    after: MeasuresReport


def redistribute_report(model: str, path: str, recipe: str | None, made: Redistributed) -> RedistributeReport:
    """Return the report of a redistributed model."""
    from tvm_patch.redistribution.edits import named

    return RedistributeReport(
        model=model,
        path=path,
        recipe=recipe,
        patches=made.before.stage.patches,
        tensor=made.before.stage.tensor,
        edits=[EditReport(kind=type(e).__name__, tensor=named(e), text=str(e)) for e in made.edits],
        before=_measures(made.before),
        after=_measures(made.after),
    )


def _measures(m: Measures) -> MeasuresReport:
    return MeasuresReport(
        layers=m.stage.layers,
        field_rows=m.stage.field[0],
        field_columns=m.stage.field[1],
        stage_macs=m.stage.macs,
        stage_overhead=m.stage.overhead,
        stage_overhead_inside=m.stage.overhead_inside,
        overhead=m.overhead,
        overhead_inside=m.overhead_inside,
        macs=m.macs,
        weight_bytes=m.weight_bytes,
        last_field_rows=round(m.field[0]),
        last_field_columns=round(m.field[1]),
        layer_arena_bytes=m.layer_arena_bytes,
        patched_arena_bytes=m.patched_arena_bytes,
    )


_WIDE = 80


def print_redistribute(console: Console, report: RedistributeReport) -> None:
    """Print the edits and the figures before and after."""
    console.print(
        f"{escape(report.model)} → {escape(report.path)}, {report.recipe or 'searched'}, "
        f"{report.patches}×{report.patches} patches up to {escape(report.tensor)}"
    )
    for edit in report.edits:
        console.print(f"  {escape(edit.text)}")
    console.print()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for name in ("before", "after"):
        table.add_column(name, justify="right", no_wrap=True)
    for label, *cells in _rows(report.before, report.after):
        # The exact bytes only where there is room for them.
        table.add_row(label, *(cells if console.width >= _WIDE else [c.split(" (")[0] for c in cells]))
    console.print(table)


def _rows(*measures: MeasuresReport) -> list[tuple[str, ...]]:
    return [
        ("operators in the patch stage", *(str(m.layers) for m in measures)),
        ("input that a patch reads", *(f"{m.field_rows}×{m.field_columns}" for m in measures)),
        ("overhead of the patch stage", *(_more(m.stage_overhead) for m in measures)),
        ("  all patches as in the middle", *(_more(m.stage_overhead_inside) for m in measures)),
        ("overhead of the network", *(_more(m.overhead) for m in measures)),
        ("  all patches as in the middle", *(_more(m.overhead_inside) for m in measures)),
        ("MACs", *(count(m.macs) for m in measures)),
        (
            "input that the last window sees",
            *(f"{m.last_field_rows}×{m.last_field_columns}" for m in measures),
        ),
        ("arena, scheme mcunetv2", *(kib(m.patched_arena_bytes) for m in measures)),
        ("arena, layer by layer", *(kib(m.layer_arena_bytes) for m in measures)),
        ("weights", *(kib(m.weight_bytes) for m in measures)),
    ]


def _more(overhead: float) -> str:
    return f"+{100 * (overhead - 1):.1f} %"
