"""Single layers on the emulated Cortex-M4 and M7, bit for bit, beside their goals and the best exact peer.

``python -m benchmarks.layers [--json FILE]``; a minute.  Goals and peers are instructions, and so is what the M4 takes;
the M7's loops take more of them, and fewer cycles.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.fit_estimate.cases import Case, CaseBuilder
from benchmarks.peers import LAYERS, LayerGoal
from tvm_patch import driver
from tvm_patch.files import write_text
from tvm_patch.oracle import Oracle
from tvm_patch.tflite.writer import write_model

AS_BOARD = "nucleo_h7a3zi_q"
"""Whose memories the Cortex-M7's cycles are estimated with."""


@dataclass(frozen=True)
class LayerResult:
    """A measured layer.

    Attributes
    ----------
    goal : LayerGoal
    instructions, macs : int
        Of the layer's operator, on a Cortex-M4.
    cycles : int
        Estimated for a Cortex-M7.
    bit_exact : bool
        Whether the outputs of both equal LiteRT's reference.
    """

    goal: LayerGoal
    instructions: int
    cycles: int
    macs: int
    bit_exact: bool

    @property
    def per_mac(self) -> float:
        """Instructions of a Cortex-M4 per multiply-accumulate."""
        return self.instructions / self.macs

    @property
    def cycles_per_mac(self) -> float:
        """Cycles of a Cortex-M7 per multiply-accumulate."""
        return self.cycles / self.macs


def measure_layer(goal: LayerGoal) -> LayerResult:
    """Compile a network of one layer, run it and compare it."""
    builder = CaseBuilder("layer")
    builder.add_case(Case(goal.kind, goal.numbers))
    data = write_model(builder.finish())
    single, dual = (driver.compile(data, board=board) for board in ("qemu_m4", "qemu_m7"))
    given = driver.random_inputs(single, 1, 0)
    counted = single.run(given, board="qemu_m4")
    timed = dual.run(given, board="qemu_m7", as_board=AS_BOARD, cycles=True)
    with Oracle(data, isolate=True) as oracle:
        exact = all(
            driver.check(artifact, data, given, result.outputs, oracle).bit_exact
            for artifact, result in ((single, counted), (dual, timed))
        )
    assert counted.operator_instructions is not None
    assert timed.operator_cycles is not None
    macs = [o.macs for o in single.metadata.operators]
    layer = macs.index(max(macs))
    cycles = timed.operator_cycles[layer].total
    return LayerResult(goal, counted.operator_instructions[layer], cycles, macs[layer], exact)


def show(console: Console, results: list[LayerResult]) -> None:
    """Print the table."""
    title = "Per multiply-accumulate: instructions of a Cortex-M4, estimated cycles of an STM32H7A3"
    table = Table(title=title, box=None, header_style="bold")
    for column in ("layer", "instructions", "goal", "best exact peer", "cycles", "exact"):
        table.add_column(column, justify="left" if column == "layer" else "right")
    for r in results:
        style = "" if r.per_mac <= r.goal.goal else "bold red"
        reached = f"[{style}]{r.per_mac:.2f}[/]" if style else f"{r.per_mac:.2f}"
        exact = "yes" if r.bit_exact else "[bold red]NO[/]"
        table.add_row(
            r.goal.name, reached, f"{r.goal.goal:.2f}", f"{r.goal.peer:.2f}", f"{r.cycles_per_mac:.2f}", exact
        )
    console.print(table)


def to_json(results: list[LayerResult]) -> list[dict[str, object]]:
    """Return plain values."""
    return [
        {
            "layer": r.goal.name,
            "instructions": r.instructions,
            "cycles": r.cycles,
            "macs": r.macs,
            "per_mac": round(r.per_mac, 4),
            "cycles_per_mac": round(r.cycles_per_mac, 4),
            "goal": r.goal.goal,
            "peer": r.goal.peer,
            "bit_exact": r.bit_exact,
        }
        for r in results
    ]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    arguments = parser.parse_args()
    results = [measure_layer(goal) for goal in LAYERS]
    if arguments.json is not None:
        write_text(arguments.json, json.dumps(to_json(results), indent=2) + "\n")
    show(Console(), results)


if __name__ == "__main__":
    main()
