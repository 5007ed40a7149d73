"""Networks and planners together: MCUNet's table 2 at a size that two cores can train.

``python -m benchmarks.nas.codesign [--task T] [--seeds N] [--minutes M] [--folder DIR]`` fills
``benchmarks/results/nas-codesign.json``: scaled MobileNetV2, scaled ProxylessNAS and a searched network, each under
TFLite Micro's way of planning, layer by layer, and under plans.  All have the same limits of flash and are trained
alike.  What is done is kept in the folder and in the results; started again, it goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.nas.searching import TARGET, limits_of, searched
from benchmarks.nas.tasks import CONTESTS, EVOLUTION, FINISH, PLANNERS, SUPER, Contest
from benchmarks.nas.trial import Trial, trial
from tvm_patch.files import write_text
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.baselines import mobilenet_v2, proxyless
from tvm_patch.nas.cost import Cost
from tvm_patch.nas.data.pictures import Task

RESULTS = Path(__file__).parent.parent / "results" / "nas-codesign.json"
COMMAND = "python -m benchmarks.nas.codesign"
RESOLUTIONS = range(32, 113, 8)
WIDTHS = tuple(w / 20 for w in range(2, 21))
SCALED: dict[str, Callable[..., Architecture]] = {"MobileNetV2": mobilenet_v2, "ProxylessNAS": proxyless}
TRIED = 2
"""Scaled networks of which the best on validation counts: those with most work, each of another resolution."""


class OutOfTime(Exception):  # noqa: N818 -- an answer, not a failure
    """The minutes are over; what is done is kept."""


class Codesign:
    """The table, part by part.

    Parameters
    ----------
    folder : Path
        Keeps everything.
    seeds : int
    end : float
        Of ``time.monotonic()``; no part is begun after it.
    """

    def __init__(self, folder: Path, seeds: int, end: float, console: Console) -> None:
        self.folder, self.seeds, self.end, self.console = folder, seeds, end, console

    def rows(self, contest: Contest) -> Iterator[dict[str, Any]]:
        """Yield the cells of a task as they are done."""
        task = contest.task()
        for planner in PLANNERS:
            for name in SCALED:
                yield self._row(contest, name, planner, self._scaled(contest, task, name, planner))
        for planner in PLANNERS:
            found = [(self._searched(contest, task, planner, seed), seed) for seed in range(self.seeds)]
            trained = [(a, self._trial(contest, task, a, seed)) for a, seed in found if a is not None]
            yield self._row(contest, "searched", planner, trained)

    def _scaled(
        self, contest: Contest, task: Task, name: str, planner: str
    ) -> list[tuple[Architecture, Trial]]:
        candidates = self._fitting(contest, task, name, planner)[:TRIED]
        if not candidates:
            return []
        first = [(a, self._trial(contest, task, a, 0)) for a in candidates]
        best = max(first, key=lambda pair: pair[1].validation)[0]
        return [(best, self._trial(contest, task, best, seed)) for seed in range(self.seeds)]

    def _fitting(self, contest: Contest, task: Task, name: str, planner: str) -> list[Architecture]:
        """Return the largest network of each resolution that fits, those with most work first."""
        limits = limits_of(contest)
        found = []
        for resolution in RESOLUTIONS:
            for width in reversed(WIDTHS):
                made = SCALED[name](width, resolution, len(task.classes), 1 if task.colors == 1 else 3)
                cost = PLANNERS[planner].best(made, TARGET, limits).cost
                if limits.fits(cost):
                    found.append((cost.macs, made))
                    break
        return [made for _, made in sorted(found, key=lambda pair: -pair[0])]

    def _searched(self, contest: Contest, task: Task, planner: str, seed: int) -> Architecture | None:
        self._check_time()
        begun = time.monotonic()
        found = searched(contest, task, PLANNERS[planner], seed, planner, self.folder)
        seconds = time.monotonic() - begun
        if found is not None and seconds > 1:
            self.console.print(
                f"{contest.name} seed {seed} {planner}: inherited {found.inherited:.1%} at "
                f"{found.architecture.resolution}, {seconds:.0f} s"
            )
        return found.architecture if found is not None else None

    def _trial(self, contest: Contest, task: Task, architecture: Architecture, seed: int) -> Trial:
        self._check_time()
        begun = time.monotonic()
        found = trial(architecture, task, seed, self.folder / contest.name / "trials")
        seconds = time.monotonic() - begun
        if seconds > 1:
            self.console.print(
                f"{contest.name} seed {seed}: {found.accuracy:.1%} at {architecture.resolution}, {seconds:.0f} s"
            )
        return found

    def _check_time(self) -> None:
        if time.monotonic() > self.end:
            raise OutOfTime

    def _row(
        self, contest: Contest, network: str, planner: str, trained: list[tuple[Architecture, Trial]]
    ) -> dict[str, Any]:
        if not trained:
            return {"task": contest.name, "network": network, "planner": planner, "fits": False}
        costs = [PLANNERS[planner].best(a, TARGET, limits_of(contest)).cost for a, _ in trained]
        accuracies = [t.accuracy for _, t in trained]
        return {
            "task": contest.name,
            "sram_bytes": contest.sram_bytes,
            "flash_limit": contest.flash_bytes,
            "network": network,
            "planner": planner,
            "accuracy_mean": mean(accuracies),
            "accuracy_std": pstdev(accuracies),
            "accuracies": accuracies,
            "differing": sum(t.differing for _, t in trained),
            "seeds": list(range(len(trained))),
            **_of_costs(costs),
            "resolution": mean(a.resolution for a, _ in trained),
            "resolutions": [a.resolution for a, _ in trained],
            "first_kernels": mean(b.kernel for a, _ in trained for b in a.blocks[:4]),
        }


def _of_costs(costs: list[Cost]) -> dict[str, Any]:
    return {
        "arena_bytes": max(c.arena_bytes for c in costs),
        "flash_bytes": max(c.flash_bytes for c in costs),
        "macs": round(mean(c.macs for c in costs)),
        "overhead": mean(c.overhead for c in costs),
        "cycles": round(mean(c.cycles for c in costs)),
    }


def main() -> int:
    """Fill the table, or as much of it as there is time for."""
    parser = argparse.ArgumentParser(description="networks and planners together")
    parser.add_argument("--task", choices=[c.name for c in CONTESTS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=480)
    parser.add_argument("--folder", type=Path, default=Path("build/nas-codesign"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    console = Console()
    begun = time.monotonic()
    work = Codesign(given.folder, given.seeds, begun + 60 * given.minutes, console)
    known = json.loads(given.results.read_text()) if given.results.exists() else {"minutes": 0.0, "rows": []}
    rows = {(r["task"], r["network"], r["planner"]): r for r in known["rows"]}
    try:
        for contest in CONTESTS:
            if given.task in (None, contest.name):
                for row in work.rows(contest):
                    rows[(row["task"], row["network"], row["planner"])] = row
                    _save(given.results, list(rows.values()), known["minutes"], begun)
    except OutOfTime:
        console.print("out of time; started again, it goes on")
        _save(given.results, list(rows.values()), known["minutes"], begun)
    _print(list(rows.values()), console)
    return 0


def _save(path: Path, rows: list[dict[str, Any]], before: float, begun: float) -> None:
    path.parent.mkdir(exist_ok=True)
    minutes = before + (time.monotonic() - begun) / 60
    settings = {
        "super": SUPER.model_dump(),
        "evolution": EVOLUTION.model_dump(),
        "finish": FINISH.model_dump(),
    }
    document = {"command": COMMAND, "minutes": round(minutes, 1), "settings": settings, "rows": rows}
    write_text(path, json.dumps(document, indent=1) + "\n")


def _print(rows: list[dict[str, Any]], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in (
        "task",
        "network",
        "planner",
        "accuracy",
        "spread",
        "resolution",
        "M MACs",
        "arena",
        "flash",
    ):
        table.add_column(name, justify="left" if name in ("task", "network", "planner") else "right")
    for row in rows:
        if "accuracy_mean" not in row:
            table.add_row(row["task"], row["network"], row["planner"], "nothing fits")
            continue
        table.add_row(
            row["task"],
            row["network"],
            row["planner"],
            f"{row['accuracy_mean']:.1%}",
            f"{100 * row['accuracy_std']:.1f}",
            f"{row['resolution']:.0f}",
            f"{row['macs'] / 1e6:.1f}",
            f"{row['arena_bytes']:,}",
            f"{row['flash_bytes']:,}",
        )
    console.print(table)


if __name__ == "__main__":
    raise SystemExit(main())
