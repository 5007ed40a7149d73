"""Single layers on the emulated Cortex-M7, bit for bit, beside their goals and the best exact peer.

``python -m benchmarks.layers [--json FILE]``; half a minute.
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

BOARD = "qemu_m7"


@dataclass(frozen=True)
class LayerResult:
    """A measured layer.

    Attributes
    ----------
    goal : LayerGoal
    instructions, macs : int
        Of the layer's operator.
    bit_exact : bool
        Whether the output equals LiteRT's reference.
    """

    goal: LayerGoal
    instructions: int
    macs: int
    bit_exact: bool

    @property
    def per_mac(self) -> float:
        """Instructions per multiply-accumulate."""
        return self.instructions / self.macs


def measure_layer(goal: LayerGoal) -> LayerResult:
    """Compile a network of one layer, run it and compare it."""
    builder = CaseBuilder("layer")
    builder.add_case(Case(goal.kind, goal.numbers))
    data = write_model(builder.finish())
    artifact = driver.compile(data, board=BOARD)
    given = driver.random_inputs(artifact, 1, 0)
    result = artifact.run(given, board=BOARD)
    with Oracle(data, isolate=True) as oracle:
        exact = driver.check(artifact, data, given, result.outputs, oracle).bit_exact
    assert result.operator_instructions is not None
    operators = artifact.metadata.operators
    costs = list(zip(result.operator_instructions, (o.macs for o in operators), strict=True))
    instructions, macs = max(costs, key=lambda c: c[1])
    return LayerResult(goal, instructions, macs, exact)


def show(console: Console, results: list[LayerResult]) -> None:
    """Print the table."""
    table = Table(title="Instructions per multiply-accumulate, Cortex-M7", box=None, header_style="bold")
    for column in ("layer", "reached", "goal", "best exact peer", "exact"):
        table.add_column(column, justify="left" if column == "layer" else "right")
    for r in results:
        style = "" if r.per_mac <= r.goal.goal else "bold red"
        reached = f"[{style}]{r.per_mac:.2f}[/]" if style else f"{r.per_mac:.2f}"
        exact = "yes" if r.bit_exact else "[bold red]NO[/]"
        table.add_row(r.goal.name, reached, f"{r.goal.goal:.2f}", f"{r.goal.peer:.2f}", exact)
    console.print(table)


def to_json(results: list[LayerResult]) -> list[dict[str, object]]:
    """Return plain values."""
    return [
        {
            "layer": r.goal.name,
            "instructions": r.instructions,
            "macs": r.macs,
            "per_mac": round(r.per_mac, 4),
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
