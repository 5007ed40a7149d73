"""Recorded instructions, cycles, arena and flash of tracked networks: no change makes them worse unnoticed.

``python -m benchmarks.baseline`` measures networks that the project builds itself on the emulated Cortex-M7 and M4 and
fails where one needs more than 0.5 % more instructions, estimated cycles, arena or flash than ``baseline.json`` says;
``--record`` writes the file anew, in the commit that means it.  CI runs the former.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.networks import NetworkResult, measure
from tvm_patch.files import write_text
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

RECORDED = Path(__file__).with_name("baseline.json")
TRACKED = (
    ("mcunet_vww1", "layer", "cortex-m7"),
    ("mcunet_vww1", "plan", "cortex-m7"),
    ("mlperf_vww", "layer", "cortex-m7"),
    ("mlperf_ic", "layer", "cortex-m7"),
    ("mlperf_ic", "plan", "cortex-m7"),
    ("mlperf_kws", "layer", "cortex-m7"),
    ("mlperf_ad", "layer", "cortex-m7"),
    ("mcunet_vww1", "layer", "cortex-m4"),
    ("mlperf_ic", "plan", "cortex-m4"),
    ("mlperf_kws", "layer", "cortex-m4"),
    ("mlperf_ad", "layer", "cortex-m4"),
)
"""Architectures of the zoo with seeded weights, how each is compiled, and for which core."""

FIGURES = ("instructions", "cycles", "arena_bytes", "flash_bytes")
TOLERANCE = 0.005


def measure_all() -> list[NetworkResult]:
    """Return what every tracked network needs now."""
    return [measure(name, write_model(build(name)), way, core) for name, way, core in TRACKED]


def key_of(result: NetworkResult) -> str:
    """Return what a result is recorded under."""
    return f"{result.name} {result.way} {result.core}"


def worse(results: list[NetworkResult], recorded: dict[str, dict[str, int]]) -> list[str]:
    """Return what needs more than was recorded, in words.

    Parameters
    ----------
    results : list of NetworkResult
        As measured.
    recorded : dict
        By ``"name way core"``, the figures.
    """
    found = []
    for result in results:
        key = key_of(result)
        if key not in recorded:
            found.append(f"{key}: not recorded")
            continue
        for figure in FIGURES:
            now, then = getattr(result, figure), recorded[key][figure]
            if now > then * (1 + TOLERANCE):
                found.append(f"{key}: {now:,} {figure}, {now / then - 1:+.2%} (recorded: {then:,})")
        if not result.bit_exact:
            found.append(f"{key}: not bit-exact")
    return found


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baseline")
    parser.add_argument("--record", action="store_true", help="write baseline.json anew")
    arguments = parser.parse_args()
    results, console = measure_all(), Console(width=120)
    if arguments.record:
        kept = {key_of(r): {f: asdict(r)[f] for f in FIGURES} for r in results}
        write_text(RECORDED, json.dumps(kept, indent=2) + "\n")
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    table = Table(box=None, header_style="bold")
    for column in ("network", *FIGURES, "against the record"):
        table.add_column(column, justify="left" if column == "network" else "right")
    for r in results:
        then = recorded.get(key_of(r), {})
        change = ", ".join(f"{getattr(r, f) / then[f] - 1:+.2%}" for f in FIGURES if f in then)
        table.add_row(key_of(r), *(f"{getattr(r, f):,}" for f in FIGURES), change)
    console.print(table)
    found = worse(results, recorded)
    for line in found:
        console.print(f"worse: {line}", style="red", highlight=False)
    if found:
        console.print(
            "run `python -m benchmarks.baseline --record` if this is meant, and say why in the commit"
        )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
