"""What the parts of a search are worth: joint or one after the other, evolved or drawn, free widths or one.

``python -m benchmarks.nas.ablations [--task T] [--seeds N] [--minutes M] [--folder DIR]`` fills
``benchmarks/results/nas-ablations.json``; it shares super networks and judged subnets with ``benchmarks.nas.codesign``.

- joint: the search as it is, under plans.
- architecture first: the search layer by layer; then the schedule, whose SRAM is spent on the largest resolution that
  fits under plans.
- random: as many subnets as the joint search judges, drawn.
- uniform width: the joint search with one width for all blocks (a third of the evaluations for each of three widths).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.nas.searching import TARGET, Choice, limits_of, searched
from benchmarks.nas.tasks import CONTESTS, EVOLUTION, PLANNERS, Contest
from benchmarks.nas.trial import trial
from tvm_patch.driver.search import Settings
from tvm_patch.files import write_text
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.evolution import Evolution
from tvm_patch.nas.space import Space

RESULTS = Path(__file__).parent.parent / "results" / "nas-ablations.json"
COMMAND = "python -m benchmarks.nas.ablations"
WIDTHS = (0.5, 0.75, 1.0)
Way = Callable[[Contest, Task, int, Path], "Choice | None"]


def joint(contest: Contest, task: Task, seed: int, folder: Path) -> Choice | None:
    """Search networks and schedules together."""
    return searched(contest, task, PLANNERS["planner"], seed, "planner", folder)


def architecture_first(contest: Contest, task: Task, seed: int, folder: Path) -> Choice | None:
    """Search layer by layer, then let plans have the largest resolution that fits."""
    found = searched(contest, task, PLANNERS["layers"], seed, "layers", folder)
    if found is None:
        return None
    limits = limits_of(contest)
    for resolution in range(112, found.architecture.resolution, -8):
        larger = found.architecture.model_copy(update={"resolution": resolution})
        if limits.fits(PLANNERS["planner"].best(larger, TARGET, limits).cost):
            return Choice(larger, found.inherited, found.judged)
    return found


def drawn(contest: Contest, task: Task, seed: int, folder: Path) -> Choice | None:
    """Draw as many subnets as evolution judges."""

    def at_random(settings: Settings) -> Settings:
        return settings.model_copy(update={"random": True})

    return searched(contest, task, PLANNERS["planner"], seed, "random", folder, at_random)


def uniform(contest: Contest, task: Task, seed: int, folder: Path) -> Choice | None:
    """Search with one width for all blocks."""
    third = Evolution(
        population=EVOLUTION.population // 3,
        parents=EVOLUTION.parents,
        crossed=EVOLUTION.crossed // 3,
        mutated=EVOLUTION.mutated // 3,
        generations=EVOLUTION.generations,
    )

    def shorter(settings: Settings) -> Settings:
        return settings.model_copy(update={"evolution": third})

    found = []
    for width in WIDTHS:

        def part(space: Space, width: float = width) -> Space:
            stages = (
                s.model_copy(update={"widths": (width if width in s.widths else s.widths[0],)})
                for s in space.stages
            )
            return space.model_copy(update={"stages": tuple(stages)})

        name = f"uniform-{width:g}"
        found.append(searched(contest, task, PLANNERS["planner"], seed, name, folder, shorter, part))
    return max((f for f in found if f is not None), key=lambda f: f.inherited, default=None)


WAYS: dict[str, Way] = {
    "joint": joint,
    "architecture first": architecture_first,
    "random": drawn,
    "uniform width": uniform,
}


def row_of(contest: Contest, task: Task, way: str, seeds: int, folder: Path) -> dict[str, Any] | None:
    """Return what a way gives over some seeds; None where nothing keeps to the limits."""
    choices = [WAYS[way](contest, task, seed, folder) for seed in range(seeds)]
    chosen = [c for c in choices if c is not None]
    if len(chosen) < seeds:
        return None
    trials = [
        trial(c.architecture, task, seed, folder / contest.name / "trials") for seed, c in enumerate(chosen)
    ]
    costs = [PLANNERS["planner"].best(c.architecture, TARGET, limits_of(contest)).cost for c in chosen]
    accuracies = [t.accuracy for t in trials]
    return {
        "task": contest.name,
        "sram_bytes": contest.sram_bytes,
        "way": way,
        "accuracy_mean": mean(accuracies),
        "accuracy_std": pstdev(accuracies),
        "accuracies": accuracies,
        "inherited_mean": mean(c.inherited for c in chosen),
        "judged": [c.judged for c in chosen],
        "differing": sum(t.differing for t in trials),
        "seeds": list(range(seeds)),
        "resolution": mean(c.architecture.resolution for c in chosen),
        "arena_bytes": max(c.arena_bytes for c in costs),
        "flash_bytes": max(c.flash_bytes for c in costs),
        "macs": round(mean(c.macs for c in costs)),
    }


def main() -> int:
    """Fill the table, or as much of it as there is time for."""
    parser = argparse.ArgumentParser(description="what the parts of a search are worth")
    parser.add_argument("--task", choices=[c.name for c in CONTESTS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=240)
    parser.add_argument("--folder", type=Path, default=Path("build/nas-codesign"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    console = Console()
    begun = time.monotonic()
    known = json.loads(given.results.read_text()) if given.results.exists() else {"minutes": 0.0, "rows": []}
    rows = {(r["task"], r["way"]): r for r in known["rows"]}
    for contest in CONTESTS:
        if given.task not in (None, contest.name):
            continue
        task = contest.task()
        for way in WAYS:
            if time.monotonic() > begun + 60 * given.minutes:
                console.print("out of time; started again, it goes on")
                break
            row = row_of(contest, task, way, given.seeds, given.folder)
            rows[(contest.name, way)] = row or {"task": contest.name, "way": way, "fits": False}
            minutes = known["minutes"] + (time.monotonic() - begun) / 60
            document = {"command": COMMAND, "minutes": round(minutes, 1), "rows": list(rows.values())}
            given.results.parent.mkdir(exist_ok=True)
            write_text(given.results, json.dumps(document, indent=1) + "\n")
    table = Table(box=None, pad_edge=False)
    for name in ("task", "way", "accuracy", "spread", "inherited", "resolution", "arena"):
        table.add_column(name, justify="left" if name in ("task", "way") else "right")
    for row in rows.values():
        if "accuracy_mean" in row:
            table.add_row(
                row["task"],
                row["way"],
                f"{row['accuracy_mean']:.1%}",
                f"{100 * row['accuracy_std']:.1f}",
                f"{row['inherited_mean']:.1%}",
                f"{row['resolution']:.0f}",
                f"{row['arena_bytes']:,}",
            )
    console.print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
