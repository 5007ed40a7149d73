"""The model of cycles beside silicon.

``python -m benchmarks.silicon [--peers FOLDER [--record]] [--ours] [--json FILE]``.  Peers' kernels are rebuilt from
the folder that is named (``docs/cycles.md`` says what it has to hold), run on QEMU and reckoned with; without one,
recorded counts are reckoned with again.  ``--ours`` adds the networks of this project's own.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.silicon.figures import GOALS, MEASURED, Measured
from benchmarks.silicon.layers import read_network
from benchmarks.silicon.ours import estimates
from benchmarks.silicon.peers import PEERS
from benchmarks.silicon.rebuild import run
from benchmarks.silicon.record import (
    RECORDED,
    Counts,
    counts_of,
    error_percent,
    errors,
    largest,
    read,
    root_mean_square,
    written,
)
from microtvm_project.boards import BOARDS
from microtvm_project.cycles import Cycles
from tvm_patch.errors import BoardError
from tvm_patch.files import write_text
from tvm_patch.oracle import run_oracle
from tvm_patch.tflite.reader import read_model

_PARTS = ("issue", "result_stalls", "unaligned", "fetch", "flash_data", "ram_data")
_ROUNDING = 2
"""How far exact code may be off: CMSIS-NN's fully connected layers round twice, LiteRT's once; ad has ten."""
_TITLES = ("issue", "results", "unaligned", "fetch", "flash", "RAM")


def rebuild(row: Measured, peers: Path, models: Path) -> Counts:
    """Return the counts of a peer's code, built and run now.

    Raises
    ------
    BoardError
        Also when code that should be exact computes something else than LiteRT, by more than rounding.
    """
    data = (models / f"{row.network}.tflite").read_bytes()
    model = read_model(data)
    peer, layers = PEERS[row.engine], read_network(model)
    output, trace = run(peer.sources(peers, row.network, layers), row.board)
    given, made = (model.tensors[n[0]] for n in (model.inputs, model.outputs))
    if peer.exact and given.dtype == made.dtype == "int8":
        (expected,) = run_oracle(data, [np.ones(given.shape, np.int8)]).outputs
        off = np.abs(expected.ravel().astype(int) - output).max()
        if off > _ROUNDING:
            raise BoardError(
                f"{peer.name} is off by {off} on {row.network}: it was not called as it should be"
            )
    (part,) = trace.parts
    return Counts.of(row, trace, part)


def rebuild_all(peers: Path, models: Path) -> list[Counts]:
    """Return the counts of every peer's code once, however many measured it."""
    found: list[Counts] = []
    for row in MEASURED:
        try:
            counts_of(row, found)
        except KeyError:
            found.append(rebuild(row, peers, models))
    return found


def beside_silicon(counts: list[Counts]) -> Table:
    """Return the table of peers' code."""
    table = Table("network", "code", "board", *_TITLES, "model", "silicon", "error", title="M cycles")
    for row in MEASURED:
        found = counts_of(row, counts)
        error = f"{error_percent(row, found):+.1f} %" + ("" if row.whole else " *")
        table.add_row(
            row.network,
            PEERS[row.engine].name,
            row.board,
            *(_millions(getattr(found.cycles, p)) for p in _PARTS),
            _millions(found.cycles.total),
            _millions(row.cycles),
            error,
        )
    table.caption = "* TFLite Micro's interpreter and own operators were timed as well, and are not rebuilt"
    return table


def beside_engines(cycles: list[Cycles | None]) -> Table:
    """Return the table of this project's own networks."""
    table = Table("network", "board", *_TITLES, "model", "goal", "silicon of others", title="Ours, M cycles")
    for goal, found in zip(GOALS, cycles, strict=True):
        parts = [_millions(getattr(found, p)) if found else "–" for p in (*_PARTS, "total")]
        others = ", ".join(f"{name} {value:g}" for name, value in goal.silicon.items())
        table.add_row(goal.network, goal.board, *parts, f"{goal.goal:g}", others)
    return table


def _millions(cycles: float) -> str:
    return f"{cycles / 1e6:.3f}" if cycles < 1e6 else f"{cycles / 1e6:.2f}"


def main() -> None:
    shared = os.environ.get("TVM_PATCH_SHARED")
    models = Path(shared) / "models" if shared else Path(__file__).parents[3] / "shared" / "models"
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="rebuild peers' kernels from here")
    parser.add_argument("--record", action="store_true", help="keep the counts of --peers")
    parser.add_argument("--ours", action="store_true", help="run this project's networks as well")
    parser.add_argument("--models", type=Path, metavar="FOLDER", default=models, help=f"default: {models}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    arguments = parser.parse_args()
    if arguments.record and not arguments.peers:
        parser.error("--record needs --peers")
    console = Console(width=180)
    if arguments.peers:
        counts = rebuild_all(arguments.peers, arguments.models)
    else:
        counts = read(RECORDED.read_text(encoding="utf-8"))
        console.print(
            f"Recorded counts of {RECORDED.name}, not rebuilt: --peers FOLDER builds the code anew."
        )
    if arguments.record:
        write_text(RECORDED, written(counts))
    console.print(beside_silicon(counts))
    for cpu in sorted({BOARDS[r.board].cpu for r in MEASURED}):
        found = errors(counts, cpu)
        console.print(
            f"{cpu}: {len(found)} rebuilt as a whole, largest error {largest(found):.1f} %, "
            f"root mean square {root_mean_square(found):.1f} %"
        )
    cycles = estimates(arguments.models, GOALS) if arguments.ours else []
    if cycles:
        console.print(beside_engines(cycles))
    if arguments.json:
        peers = [
            {
                **r._asdict(),
                "cycles_parts": asdict(counts_of(r, counts).cycles),
                "error_percent": error_percent(r, counts_of(r, counts)),
            }
            for r in MEASURED
        ]
        ours = [
            {**g._asdict(), "cycles_parts": asdict(c) if c else None}
            for g, c in zip(GOALS, cycles, strict=bool(cycles))
        ]
        write_text(arguments.json, json.dumps({"peers": peers, "ours": ours}, indent=1) + "\n")


if __name__ == "__main__":
    main()
