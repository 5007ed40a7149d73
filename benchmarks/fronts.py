"""Fronts of memory over work, with and without composites, beside what others have published.

``python -m benchmarks.fronts [--plot FILE] [--json FILE]`` plans three networks with their input fetched by rows (half
a minute).  It fails where a published point is not beaten: a plan needs to be no larger and to do no more work, but
for what counts as equal in a choice of plans.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.networks import MODELS
from benchmarks.peers import PUBLISHED, PublishedPlan
from tvm_patch.driver.front import legalize
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import overhead_of
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.search.ways import NOTICED

_KIB = 1024


@dataclass(frozen=True)
class FrontOf:
    """What a network can be planned to.

    Attributes
    ----------
    name : str
    rows, composites : list of (int, float)
        Bytes of the arena and overhead of plans without composites, and with; least memory first.
    """

    name: str
    rows: list[tuple[int, float]]
    composites: list[tuple[int, float]]

    def beating(self, point: PublishedPlan) -> tuple[int, float] | None:
        """Return the plan of least memory that does no more work than a published one and is no larger, if any."""
        found = [
            p for p in self.composites if p[0] <= point.kib * _KIB and p[1] <= point.overhead * (1 + NOTICED)
        ]
        return min(found, default=None)


def front_of(name: str, network: Network) -> FrontOf:
    """Plan a network with its input fetched by rows."""
    fronts = []
    for planned in (replace(network, shapes=None), network):
        points = Search(planned, "rereadable").front
        fronts.append([(p.arena_bytes, overhead_of(p.macs, network.macs)) for p in points])
    return FrontOf(name, *map(lean, fronts))


def lean(front: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return the points of a front that none with less memory matches in work: others are there for their time."""
    kept: list[tuple[int, float]] = []
    for size, overhead in sorted(front):
        if not kept or overhead < kept[-1][1]:
            kept.append((size, overhead))
    return kept


def show(console: Console, fronts: Sequence[FrontOf]) -> int:
    """Print what is published and what beats it; return how many points nothing beats."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("network", "published", "KiB", "overhead", "here, KiB", "overhead"):
        table.add_column(column, justify="left" if column in ("network", "published") else "right")
    missed = 0
    for front in fronts:
        for point in PUBLISHED[front.name]:
            ours = front.beating(point)
            missed += ours is None
            cells = ("not beaten", "") if ours is None else (f"{ours[0] / _KIB:.1f}", f"{ours[1]:.3f}")
            table.add_row(front.name, point.who, f"{point.kib:g}", f"{point.overhead:g}", *cells)
    console.print(table)
    return missed


def plot(path: Path, fronts: Sequence[FrontOf], published: Mapping[str, Sequence[PublishedPlan]]) -> None:
    """Draw the fronts, one network beside the other."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    from tvm_patch.report.plot_parts import AFTER, BEFORE, PEAK, QUIET, save

    figure = Figure(figsize=(4 * len(fronts), 3.6), layout="constrained")
    for i, front in enumerate(fronts):
        axes = figure.add_subplot(1, len(fronts), i + 1)
        for points, color, label in (
            (front.rows, BEFORE, "rows on demand, bands"),
            (front.composites, AFTER, "with composites"),
        ):
            sizes, overheads = zip(*points, strict=True)
            axes.step(
                [s / _KIB for s in sizes], overheads, color=color, where="post", label=label, marker="."
            )
        for point in published[front.name]:
            axes.plot(point.kib, point.overhead, "x", color=PEAK)
            axes.annotate(
                point.who, (point.kib, point.overhead), fontsize=7, xytext=(3, 3), textcoords="offset points"
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(front.name, fontsize=8)
        axes.set_xlabel("arena, KiB")
        axes.set_facecolor(QUIET)
        if i == 0:
            axes.set_ylabel("multiply-accumulates executed\n/ the network's", fontsize=8)
            axes.legend(fontsize=7)
    save(figure, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of the .tflite files")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    fronts = [front_of(name, legalize(given.models / f"{name}.tflite").describe()[1]) for name in PUBLISHED]
    missed = show(Console(), fronts)
    if given.json:
        found = {f.name: {"rows": f.rows, "composites": f.composites} for f in fronts}
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    if given.plot:
        plot(given.plot, fronts, PUBLISHED)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
