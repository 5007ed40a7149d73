"""The planner's quick answers about architectures against its full search, and how many it gives a second.

``python -m benchmarks.quick_answers [--count N] [--json FILE]`` asks about random networks of the spaces of MCUNet and
MCUNetV2, each under another input mode and limit of overhead.  Fails where fewer than 95 % of the answers come within
10 % of the full search's arena, or one is not what its plan takes.  Rates are of one core, describing the networks
included.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tvm_patch.input_mode import InputMode
from tvm_patch.nas.describe import network_of
from tvm_patch.nas.planned import planned
from tvm_patch.nas.spaces import mnasnet_like
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.targets import get_target

_MODES: tuple[InputMode, ...] = ("rereadable", "streamed", "resident")
_LIMITS = (1.05, 1.1)
_CLOSE = 1.1
_SHARE = 0.95


def ask(count: int) -> dict[str, Any]:
    """Return what was found about so many networks."""
    target = get_target("cortex-m7")
    asked = [(seed, _MODES[seed % 3], _LIMITS[seed // 3 % 2]) for seed in range(count)]
    planned(mnasnet_like(count), target)  # imports what it needs
    start = time.process_time()
    answers = [planned(mnasnet_like(seed), target, mode, limit) for seed, mode, limit in asked]
    seconds = time.process_time() - start
    ratios, illegal = [], []
    for (seed, mode, limit), answer in track(list(zip(asked, answers, strict=True)), "full searches"):
        network = network_of(mnasnet_like(seed), target)
        schedule = Schedule.of(network, answer.segments, mode)
        if (schedule.arena_bytes, schedule.macs_executed) != (answer.cost.arena_bytes, answer.cost.executed):
            illegal.append(seed)
        best = Search(network, mode).least_memory(limit).arena_bytes
        ratios.append(answer.cost.arena_bytes / best)
    ratios.sort()
    return {
        "networks": count,
        "per_second": round(count / seconds, 1),
        "within_10_percent": round(sum(r <= _CLOSE for r in ratios) / count, 4),
        "within_5_percent": round(sum(r <= 1.05 for r in ratios) / count, 4),
        "median": round(ratios[count // 2], 4),
        "worst": round(ratios[-1], 4),
        "not_as_said": illegal,
    }


def main() -> int:
    """Ask, show and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = ask(options.count)
    table = Table("quick answers", "")
    for name, value in found.items():
        table.add_row(name.replace("_", " "), str(value))
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(found["within_10_percent"] < _SHARE or bool(found["not_as_said"]))


if __name__ == "__main__":
    sys.exit(main())
