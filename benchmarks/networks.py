"""Whole networks on the emulated Cortex-M7 beside their goals and the peers.

``python -m benchmarks.networks [--models FOLDER] [--json FILE] [--plot FILE] [NAME ...]``: layer by layer and under the
plan of least memory with an overhead of at most 1.05, each compared with LiteRT's reference bit for bit.  One minute.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.peers import NETWORKS
from benchmarks.plots import plot_networks
from microtvm_project.boards import get_board
from tvm_patch import driver
from tvm_patch.errors import UserError
from tvm_patch.files import write_text
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request
from tvm_patch.report.plot_parts import check_plot

BOARDS = {"cortex-m7": ("qemu_m7", "nucleo_h7a3zi_q"), "cortex-m4": ("qemu_m4", "nucleo_l4r5zi")}
"""By core, the emulated board and the one whose memories its cycles are estimated with."""

MODELS = Path(__file__).parents[2] / "shared" / "models"


_OTHER_SRAM = 32 * 1024
"""More than stack and static data take."""


@dataclass(frozen=True)
class NetworkResult:
    """A network, compiled one way and run.

    Attributes
    ----------
    name : str
    way : {"layer", "plan"}
        Layer by layer; or the plan of least memory with an overhead of at most 1.05.
    core : str
        A key of `BOARDS`.
    instructions, arena_bytes, flash_bytes, stack_bytes : int
        Measured.
    cycles : int or None
        Estimated for the core's board of `BOARDS`; None where its SRAM is too small for the arena.
    overhead : float
        Multiply-accumulates executed over those of the network.
    bit_exact : bool
    """

    name: str
    way: str
    core: str
    instructions: int
    arena_bytes: int
    flash_bytes: int
    stack_bytes: int
    cycles: int | None
    overhead: float
    bit_exact: bool


def measure(name: str, data: bytes, way: str, core: str = "cortex-m7") -> NetworkResult:
    """Compile, run and compare a network."""
    board, silicon = BOARDS[core]
    if way == "plan":
        try:
            request = Request(input_mode="rereadable", objective="memory", max_overhead=1.05)
            artifact = driver.compile(data, board=board, plan=request)
        except UserError:  # inputs whose rows cannot be fetched
            request = Request(input_mode="resident", objective="memory", max_overhead=1.05)
            artifact = driver.compile(data, board=board, plan=request)
    else:
        artifact = driver.compile(data, board=board)
    given = driver.random_inputs(artifact, 1, 0)
    fits = artifact.arena_bytes + _OTHER_SRAM < get_board(silicon).memory("SRAM").length
    result = artifact.run(given, board=board, as_board=silicon if fits else None, profile=False, cycles=fits)
    with Oracle(data, isolate=True) as oracle:
        exact = driver.check(artifact, data, given, result.outputs, oracle).bit_exact
    numbers = (result.instructions, result.flash_bytes, result.stack_bytes)
    assert all(n is not None for n in numbers)
    overhead = artifact.metadata.macs_executed / max(1, artifact.metadata.macs)
    return NetworkResult(
        name,
        way,
        core,
        numbers[0] or 0,
        result.arena_bytes,
        numbers[1] or 0,
        numbers[2] or 0,
        result.cycles.total if result.cycles else None,
        round(overhead, 4),
        exact,
    )


def show(console: Console, results: list[NetworkResult]) -> None:
    """Print the table."""
    table = Table(
        title="One inference on a Cortex-M7, millions of instructions; of cycles on an STM32H7A3, estimated",
        box=None,
        header_style="bold",
    )
    columns = (
        "network",
        "way",
        "reached",
        "goal",
        "TFLM",
        "TinyEngine",
        "cycles",
        "arena KiB",
        "overhead",
        "flash B",
        "exact",
    )
    for column in columns:
        table.add_column(column, justify="left" if column in ("network", "way") else "right")

    def millions(count: int | None) -> str:
        return "–" if count is None else f"{count / 1e6:.2f}"

    for r in results:
        goal = NETWORKS.get(r.name)
        wanted = None if goal is None else goal.layer if r.way == "layer" else goal.plan
        missed = wanted is not None and r.instructions > wanted
        reached = f"[bold red]{millions(r.instructions)}[/]" if missed else millions(r.instructions)
        large = goal is not None and goal.flash is not None and r.flash_bytes > goal.flash
        flash = f"[bold red]{r.flash_bytes:,}[/]" if large else f"{r.flash_bytes:,}"
        peers = (millions(goal.tflm), millions(goal.tinyengine)) if goal else ("–", "–")
        exact = "yes" if r.bit_exact else "[bold red]NO[/]"
        arena = f"{r.arena_bytes / 1024:.1f}"
        table.add_row(
            r.name,
            r.way,
            reached,
            millions(wanted),
            *peers,
            millions(r.cycles),
            arena,
            f"{r.overhead:.3f}",
            flash,
            exact,
        )
    console.print(table)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.networks")
    parser.add_argument(
        "names", nargs="*", default=list(NETWORKS), help="files in the folder, without .tflite"
    )
    parser.add_argument("--models", type=Path, default=MODELS, help="folder of the .tflite files")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    parser.add_argument("--plot", type=Path, help="draw instructions beside the peers'")
    arguments = parser.parse_args()
    if arguments.plot is not None:
        check_plot(arguments.plot)
    jobs = [(name, way) for name in arguments.names for way in ("layer", "plan")]
    results = [
        measure(name, (arguments.models / f"{name}.tflite").read_bytes(), way)
        for name, way in track(jobs, "running networks", transient=True)
    ]
    if arguments.json is not None:
        write_text(arguments.json, json.dumps([asdict(r) for r in results], indent=2) + "\n")
    if arguments.plot is not None:
        plot_networks(arguments.plot, {(r.name, r.way): r.instructions for r in results})
    show(Console(width=160), results)


if __name__ == "__main__":
    main()
