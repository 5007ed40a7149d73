"""Pictures of a search: what every generation found, and accuracy over SRAM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tvm_patch.nas.evolution import Generation
from tvm_patch.report.plot_parts import AFTER, BEFORE, PEAK, legend_below, require_matplotlib, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_generations(generations: Sequence[Generation], path: Path) -> Path:
    """Write the picture of an evolution: lowest, mean and highest accuracy of each generation (MCUNet, figure 13)."""
    require_matplotlib()
    return save(generations_figure(generations), path)


def generations_figure(generations: Sequence[Generation]) -> Figure:
    """Draw the accuracies of generation after generation."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    drawn = [(g.number, [100 * one.fitness for one in g.judged]) for g in generations if g.judged]
    numbers = [number for number, _ in drawn]
    axes.fill_between(
        numbers,
        [min(f) for _, f in drawn],
        [max(f) for _, f in drawn],
        color=BEFORE,
        label="lowest to highest",
    )
    axes.plot(numbers, [sum(f) / len(f) for _, f in drawn], color=AFTER, label="mean")
    best = [100 * g.best.fitness for g in generations]
    axes.plot([g.number for g in generations], best, color=PEAK, linestyle="--", label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("generation")
    axes.set_ylabel("accuracy with inherited weights, %")
    legend_below(axes, 4)
    return figure


def plot_front(
    points: Sequence[tuple[int, float]], chosen: tuple[int, float], limit: int | None, path: Path
) -> Path:
    """Write the picture of accuracy over SRAM of all subnets that were judged."""
    require_matplotlib()
    return save(front_figure(points, chosen, limit), path)


def front(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return the points (bytes, accuracy) that no other point is better than in both, by rising bytes."""
    found: list[tuple[int, float]] = []
    for arena, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if not found or accuracy > found[-1][1]:
            found.append((arena, accuracy))
    return found


def front_figure(points: Sequence[tuple[int, float]], chosen: tuple[int, float], limit: int | None) -> Figure:
    """Draw accuracy over SRAM, the front and the chosen subnet."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(
        [p[0] / 1024 for p in points], [100 * p[1] for p in points], s=9, color=BEFORE, label="judged"
    )
    best = front(points)
    axes.step(
        [p[0] / 1024 for p in best], [100 * p[1] for p in best], where="post", color=AFTER, label="front"
    )
    axes.scatter([chosen[0] / 1024], [100 * chosen[1]], color=PEAK, zorder=3, label="chosen")
    if limit is not None:
        axes.axvline(limit / 1024, color="black", linewidth=0.8, linestyle="--", label="limit")
    axes.set_xlabel("SRAM of the arena, KiB")
    axes.set_ylabel("accuracy with inherited weights, %")
    legend_below(axes, 4)
    return figure
