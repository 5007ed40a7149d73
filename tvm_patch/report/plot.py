"""A picture of the memory that each operator needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tvm_patch.report.models import InspectReport
from tvm_patch.report.plot_parts import (
    AFTER,
    PEAK,
    legend_below,
    mark_segments,
    operator_axis,
    require_matplotlib,
    save,
    title,
    width_for,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEADROOM = 1.1


def plot_memory(report: InspectReport, path: Path) -> Path:
    """Write the picture of a report to a file.

    Parameters
    ----------
    report : InspectReport
    path : Path
        The ending gives the format: ``.png``, ``.svg`` or ``.pdf``.
    """
    require_matplotlib()
    return save(memory_figure(report), path)


def memory_figure(report: InspectReport) -> Figure:
    """Draw bytes in use per operator, with the peak and the segments of a plan marked."""
    from matplotlib.figure import Figure

    count = len(report.operators)
    live = [op.live_bytes / 1024 for op in report.operators]
    top = max(live, default=0.0)
    at_peak = [i for i, used in enumerate(live) if used == top]
    figure = Figure(figsize=(width_for(count), 4.2), layout="constrained")
    axes = figure.add_subplot()
    how = f"{report.scheme}, {report.input_mode} input" if report.segments else "layer by layer"
    others = [i for i in range(count) if i not in at_peak]
    axes.bar(
        others, [live[i] for i in others], color=AFTER, width=0.85, label=f"{how}: bytes in use", zorder=2
    )
    axes.bar(at_peak, [live[i] for i in at_peak], color=PEAK, width=0.85, label="the peak", zorder=2)
    axes.axhline(
        report.arena_bytes / 1024, color="black", linewidth=0.8, linestyle="--", label="arena", zorder=3
    )
    operator_axis(axes, count)
    axes.set_ylim(0, _HEADROOM * max(report.arena_bytes / 1024, top, 0.001))
    mark_segments(axes, report.segments, count)
    axes.set_ylabel("arena in use, KiB")
    title(axes, report.model, f"arena {report.arena_bytes / 1024:.1f} KiB")
    legend_below(axes, 3)
    return figure
