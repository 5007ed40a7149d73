"""What a network answers, for people: its highest scores with their names, or the first of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tvm_patch.errors import InputError
from tvm_patch.report.models import AnswerReport, ScoreReport
from tvm_patch.report.text import shape

if TYPE_CHECKING:
    import numpy as np

    from tvm_patch.artifact_metadata import TensorEntry

HIGHEST = 5
"""Scores that are shown."""
FIRST = 8
"""Numbers that are shown of other outputs."""


def answers(
    borders: Sequence[TensorEntry],
    outputs: Sequence[np.ndarray],
    labels: Sequence[str] = (),
    scores: bool = True,
) -> list[AnswerReport]:
    """Return what to show of every output.

    Parameters
    ----------
    borders : sequence of TensorEntry
        Outputs of the artifact.
    outputs : sequence of ndarray
        What came out, in the artifact's types.
    labels : sequence of str
        Names of a list of scores, in order; used where there are as many.
    scores : bool
        Whether an output of one row may be a list of scores.

    Returns
    -------
    list of AnswerReport
        Real numbers, where an output is quantized.
    """
    found = []
    for border, values in zip(borders, outputs, strict=True):
        real = _real(border, values)
        is_scores = scores and values.size > 1 and values.size == values.shape[-1] and values.dtype != bool
        order = _highest(real)[:HIGHEST] if is_scores else ()
        names = labels if len(labels) == values.size else ()
        found.append(
            AnswerReport(
                name=border.name,
                dtype=str(values.dtype),
                shape=list(values.shape),
                highest=[
                    ScoreReport(index=int(i), score=real[i], label=names[i] if names else None) for i in order
                ],
                first=[] if is_scores else real[:FIRST],
            )
        )
    return found


def _real(border: TensorEntry, values: np.ndarray) -> list[float]:
    flat = values.reshape(-1)
    if border.scale:
        return [float(v) for v in (flat.astype("int64") - border.zero_point) * float(border.scale)]
    return [v.item() for v in flat]


def _highest(real: Sequence[float]) -> list[int]:
    """Return the positions from the highest on; of equal ones the first comes first."""
    return sorted(range(len(real)), key=lambda i: (-real[i], i))


def print_answers(console: Console, found: Sequence[AnswerReport]) -> None:
    """Print what a network answers."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("output", "answer", ""):
        table.add_column(name, overflow="fold")
    for answer in found:
        title = f"{escape(answer.name)} {shape(answer.shape)} {answer.dtype}"
        if answer.highest:
            for score in answer.highest:
                name = escape(score.label) if score.label is not None else f"class {score.index}"
                table.add_row(title, f"{score.score:.4g}", name)
                title = ""
        else:
            more = " ..." if _count(answer.shape) > len(answer.first) else ""
            table.add_row(title, " ".join(f"{v:.4g}" for v in answer.first) + more, "")
    console.print(table)


def _count(dims: Sequence[int]) -> int:
    product = 1
    for extent in dims:
        product *= extent
    return product


def check_labels(labels: Sequence[str], borders: Sequence[TensorEntry], source: str) -> None:
    """Raise InputError when no output has as many scores as there are labels."""
    counts = [_count(b.shape) for b in borders]
    if len(labels) not in counts:
        wanted = ", ".join(f"{b.name} {n}" for b, n in zip(borders, counts, strict=True))
        raise InputError(
            f"{source} has {len(labels)} labels, but the outputs have other numbers of scores: {wanted}"
        )
