"""A picture of a plan: memory per operator before and after, and the front it was chosen from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tvm_patch.driver.plan import Planned
from tvm_patch.planner.explain import PlanMemory
from tvm_patch.report.make import segment_reports
from tvm_patch.report.plot_parts import (
    AFTER,
    BEFORE,
    PEAK,
    legend_below,
    legend_beside,
    mark_segments,
    operator_axis,
    require_matplotlib,
    save,
    title,
    width_for,
)
from tvm_patch.report.published import PublishedPoint, published_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEADROOM = 1.1
_LINEAR = 6.0
"""Arenas that differ by more than this factor are drawn on a logarithmic axis."""

_LEAST_TOP = 1.05
"""Overhead up to which alternatives are shown even where all have less: small differences should look small."""

_MARKERS = "sD^vP*"
_DASHES = ("--", "-.", ":")


def plot_plan(name: str, planned: Planned, path: Path) -> Path:
    """Write the picture of a plan to a file.

    Parameters
    ----------
    name, planned
        As for :func:`plan_figure`.
    path : Path
        The ending gives the format: ``.png``, ``.svg`` or ``.pdf``.
    """
    require_matplotlib()
    return save(plan_figure(name, planned), path)


def plan_figure(name: str, planned: Planned) -> Figure:
    """Draw memory per operator layer by layer and as planned, the segments marked, and the front with its peers.

    Where there is nothing to compare a plan with, neither alternatives nor published figures, the picture is of its
    memory alone.

    Parameters
    ----------
    name : str
        Of the model, for the title.
    planned : Planned
    """
    from matplotlib.figure import Figure

    wide = width_for(len(planned.network.operators))
    if len(planned.plan.front) < 2 and not published_points(planned.network):
        figure = Figure(figsize=(wide + 1.2, 4.4), layout="constrained")
        _draw_memory(figure.subplots(), name, planned)
        return figure
    figure = Figure(figsize=(wide + 6.2, 4.4), layout="constrained")
    memory, front = figure.subplots(1, 2, width_ratios=(wide, 3.8))
    _draw_memory(memory, name, planned)
    _draw_front(front, planned)
    return figure


def _draw_memory(axes: Any, name: str, planned: Planned) -> None:
    plan, count = planned.plan, len(planned.network.operators)
    before = planned.layer_memory.placement.arena_bytes / 1024
    after = plan.arena_bytes / 1024
    axes.bar(
        range(count),
        _per_operator(planned.layer_memory, count),
        color=BEFORE,
        width=0.95,
        label=f"layer by layer, resident input: {before:.1f} KiB",
        zorder=2,
    )
    axes.bar(
        range(count),
        _per_operator(planned.memory, count),
        color=AFTER,
        width=0.65,
        label=f"planned ({plan.scheme}), {plan.input_mode} input: {after:.1f} KiB",
        zorder=3,
    )
    axes.axhline(after, color=PEAK, linewidth=0.8, linestyle="--", label="arena as planned", zorder=4)
    operator_axis(axes, count)
    axes.set_ylim(0, _HEADROOM * max(before, after))
    mark_segments(axes, segment_reports(planned.memory), count)
    axes.set_ylabel("arena in use, KiB")
    title(axes, name, f"arena {after:.1f} KiB, overhead {plan.overhead:.3f}")
    legend_below(axes, 2)


def _draw_front(axes: Any, planned: Planned) -> None:
    plan = planned.plan
    points = published_points(planned.network)
    arenas = [p.arena_bytes / 1024 for p in plan.front]
    overheads = [p.overhead for p in plan.front]
    ours = f"plans, {plan.input_mode} input"
    axes.plot(
        arenas, overheads, ".-", drawstyle="steps-post", color=AFTER, linewidth=0.8, label=ours, zorder=3
    )
    axes.plot(
        [planned.layer_memory.placement.arena_bytes / 1024],
        [1.0],
        "s",
        color=BEFORE,
        markeredgecolor="black",
        markeredgewidth=0.5,
        label="layer by layer, resident input",
        zorder=3,
    )
    chosen = f"chosen: {plan.arena_bytes / 1024:.1f} KiB @ {plan.overhead:.3f}"
    axes.plot([plan.arena_bytes / 1024], [plan.overhead], "o", color=PEAK, label=chosen, zorder=5)
    _draw_published(axes, points)
    sizes = [*arenas, plan.arena_bytes / 1024, planned.layer_memory.placement.arena_bytes / 1024]
    sizes += [size for p in points for size in p.kib]
    _size_axis(axes, min(sizes), max(sizes))
    top = max(
        [_LEAST_TOP, *overheads, plan.overhead, *(p.overhead for p in points if p.overhead is not None)]
    )
    room = 0.05 * (top - 1)
    axes.set_ylim(1 - room, top + room)
    axes.yaxis.get_major_formatter().set_useOffset(False)
    axes.set_xlabel("arena, KiB")
    axes.set_ylabel("overhead: MACs executed / MACs")
    axes.set_title("alternatives and published figures" if points else "alternatives", fontsize=11)
    legend_beside(axes)


def _draw_published(axes: Any, points: tuple[PublishedPoint, ...]) -> None:
    """Draw each point with a mark of its own; a line where the overhead is not known, a bar where memory is a range."""
    dashes = iter(_DASHES * len(points))
    for point, marker in zip(points, _MARKERS * len(points), strict=False):
        low, high = point.kib
        if point.overhead is None:
            axes.axvline(
                (low + high) / 2,
                color="black",
                linewidth=0.8,
                linestyle=next(dashes),
                label=point.label,
                zorder=2,
            )
            continue
        axes.plot(
            [low, high] if high > low else [low],
            [point.overhead] * (2 if high > low else 1),
            marker=marker,
            color="black",
            markerfacecolor="white",
            markersize=5,
            linewidth=0.8,
            linestyle="-" if high > low else "none",
            label=point.label,
            zorder=4,
        )


def _size_axis(axes: Any, least: float, most: float) -> None:
    """Scale the axis of arenas so that those of peers and the own plans can be told apart."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if most <= _LINEAR * least:
        room = 0.06 * (most - least) or 0.06 * most
        axes.set_xlim(least - room, most + room)
        return
    axes.set_xscale("log")
    low, high = least / 1.15, most * 1.15
    axes.set_xlim(low, high)
    ticks = [float(f"{step}e{power}") for power in range(-4, 9) for step in (1, 2, 5)]
    axes.xaxis.set_major_locator(FixedLocator([t for t in ticks if low <= t <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _per_operator(memory: PlanMemory, count: int) -> list[float]:
    """Return KiB in use by operator; of two passes, the larger."""
    used = [0.0] * count
    for part in memory.segments:
        for index in part.segment.operators:
            used[index] = max(used[index], part.in_use / 1024)
    return used
