"""Average precision of a detector over SRAM, layer by layer and under plans: resolution pays, and plans pay for it.

``python -m benchmarks.nas.detection [--seeds N] [--minutes M] [--folder DIR]`` fills
``benchmarks/results/nas-detection.json``.  One network, at the largest resolution that each way to run it allows in
each budget of SRAM, on the blood cells of ``shared/datasets/bccd.zip``.  What is done is kept; started again, it goes
on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.nas.tasks import PLANNERS, SHARED
from tvm_patch.driver.compile import compile as compile_model
from tvm_patch.driver.evaluate_detector import evaluate_detector
from tvm_patch.files import write_bytes, write_text
from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.nas.data.open import open_task
from tvm_patch.nas.detection.anchors import find_anchors
from tvm_patch.nas.detection.head import Head
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.recipe import Finish, Recipe
from tvm_patch.targets import TARGETS

RESULTS = Path(__file__).parent.parent / "results" / "nas-detection.json"
COMMAND = "python -m benchmarks.nas.detection"
DATA = SHARED / "datasets" / "bccd.zip"
TARGET = TARGETS["cortex-m7"]
BUDGETS = (32 * 1024, 64 * 1024, 128 * 1024)
RESOLUTIONS = range(32, 257, 16)
ANCHORS = 5
FINISH = Finish(
    tuning=Recipe(steps=1_500, batch=16, rate=0.02, warmup=100, clip=10),
    rounding=Recipe(steps=100, batch=16, rate=0.0005, clip=10),
)


def detector(resolution: int, head: Head) -> Architecture:
    """Return the network at a resolution; its grid is an eighth of it."""
    return Architecture(
        resolution=resolution,
        stem=16,
        blocks=(
            Bottleneck(channels=8, expand=1),
            Bottleneck(channels=16, expand=4, stride=2),
            Bottleneck(channels=16, expand=4),
            Bottleneck(channels=32, expand=4, stride=2),
            *(Bottleneck(channels=32, expand=4) for _ in range(2)),
            *(Bottleneck(channels=48, expand=4, kernel=5) for _ in range(2)),
        ),
        head=128,
        classes=len(head.classes),
        detector=head.channels,
    )


def largest(planner: str, budget: int, head: Head) -> tuple[int, int] | None:
    """Return the largest resolution that fits, and its arena in bytes."""
    for resolution in reversed(RESOLUTIONS):
        arena = PLANNERS[planner].best(detector(resolution, head), TARGET).cost.arena_bytes
        if arena <= budget:
            return resolution, arena
    return None


def trial(resolution: int, head: Head, task: DetectionTask, seed: int, folder: Path) -> dict[str, Any]:
    """Train the network at a resolution, or return what was found before."""
    path = folder / f"{resolution}-seed{seed}.json"
    if path.exists():
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return known
    from tvm_patch.nas.training.determinism import deterministic
    from tvm_patch.nas.training.finishing import finished
    from tvm_patch.nas.training.keras_model import keras_model
    from tvm_patch.nas.training.objectives import Objects

    deterministic(seed)
    state = path.with_suffix("")
    state.mkdir(parents=True, exist_ok=True)
    architecture = detector(resolution, head)
    model = keras_model(architecture, seed=seed)
    _, data = finished(model, architecture, task, FINISH, seed, state, objective=Objects(head))
    write_bytes(state / "network.tflite", data)
    found = evaluate_detector(compile_model(data), data, head, task.test)
    done = {
        "ap50": found.score.mean_ap50,
        "ap": found.score.mean_ap,
        "ap50_by_class": dict(zip(task.classes, map(float, found.score.ap50), strict=True)),
        "differing": found.differing,
    }
    write_text(path, json.dumps(done) + "\n")
    return done


def main() -> int:
    """Fill the table, or as much of it as there is time for."""
    parser = argparse.ArgumentParser(description="average precision over SRAM")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=240)
    parser.add_argument("--folder", type=Path, default=Path("build/nas-detection"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    console = Console()
    if not DATA.exists():
        console.print(f"no {DATA}: set TVM_PATCH_SHARED to the folder that has datasets/")
        return 2
    begun = time.monotonic()
    task = open_task(DATA)
    assert isinstance(task, DetectionTask)
    head = Head(classes=task.classes, anchors=find_anchors(task.train.boxes, ANCHORS))
    known = json.loads(given.results.read_text()) if given.results.exists() else {"minutes": 0.0}
    rows: list[dict[str, Any]] = []
    for budget in BUDGETS:
        for planner in PLANNERS:
            fits = largest(planner, budget, head)
            if fits is None:
                rows.append({"sram_bytes": budget, "planner": planner, "fits": False})
                continue
            done = []
            for seed in range(given.seeds):
                if time.monotonic() > begun + 60 * given.minutes:
                    console.print("out of time; started again, it goes on")
                    return 0
                done.append(trial(fits[0], head, task, seed, given.folder))
            cost = PLANNERS[planner].best(detector(fits[0], head), TARGET).cost
            rows.append(
                {
                    "task": "bccd",
                    "sram_bytes": budget,
                    "planner": planner,
                    "resolution": fits[0],
                    "arena_bytes": fits[1],
                    "flash_bytes": cost.flash_bytes,
                    "macs": cost.macs,
                    "overhead": cost.overhead,
                    "ap50_mean": mean(d["ap50"] for d in done),
                    "ap50_std": pstdev(d["ap50"] for d in done),
                    "ap_mean": mean(d["ap"] for d in done),
                    "ap50_by_class": {c: mean(d["ap50_by_class"][c] for d in done) for c in task.classes},
                    "differing": sum(d["differing"] for d in done),
                    "seeds": list(range(given.seeds)),
                }
            )
            document = {
                "command": COMMAND,
                "minutes": round(known["minutes"] + (time.monotonic() - begun) / 60, 1),
                "finish": FINISH.model_dump(),
                "rows": rows,
            }
            given.results.parent.mkdir(exist_ok=True)
            write_text(given.results, json.dumps(document, indent=1) + "\n")
    _print(rows, console)
    return 0


def _print(rows: list[dict[str, Any]], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("SRAM", "planner", "resolution", "arena", "AP50", "spread", "AP", "by class"):
        table.add_column(name, justify="left" if name in ("planner", "by class") else "right")
    for row in rows:
        if "ap50_mean" not in row:
            table.add_row(f"{row['sram_bytes'] // 1024} KiB", row["planner"], "nothing fits")
            continue
        table.add_row(
            f"{row['sram_bytes'] // 1024} KiB",
            row["planner"],
            str(row["resolution"]),
            f"{row['arena_bytes']:,}",
            f"{row['ap50_mean']:.1%}",
            f"{100 * row['ap50_std']:.1f}",
            f"{row['ap_mean']:.1%}",
            ", ".join(f"{c} {value:.1%}" for c, value in row["ap50_by_class"].items()),
        )
    console.print(table)


if __name__ == "__main__":
    raise SystemExit(main())
