"""Memory distribution of efficient networks: figure S2 of MCUNetV2's supplement (Lin et al., NeurIPS 2021).

``python -m benchmarks.memory_distribution [--plot FILE] [--json FILE]``: MobileNetV2, MnasNet, FBNet, MCUNet from the
zoo, block after block.  The paper's point is that a few blocks at the start need several times the memory of all
others.  *Paper's way*: an operator needs its input and its output (a depthwise convolution, in place, the larger of the
two).  *Compiled*: what of the arena is in use, layer by layer, as this project lays it out.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.mcunetv2_table1 import operator_bytes
from tvm_patch import driver
from tvm_patch.files import write_text
from tvm_patch.planner.network import OperatorDesc
from tvm_patch.report.plot_parts import AFTER, BEFORE, check_plot, save
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

NETWORKS = ("mobilenet_v2", "mnasnet_b1", "fbnet_a", "mcunet_in3")


@dataclass(frozen=True)
class Distribution:
    """Bytes of every block of a network.

    Attributes
    ----------
    name : str
    paper, compiled : list of int
        The most that any operator of the block needs, by the paper's way of counting and as compiled.
    """

    name: str
    paper: list[int]
    compiled: list[int]

    @property
    def imbalance(self) -> float:
        """How many times the hungriest block needs what the median one does, the paper's way."""
        return max(self.paper) / sorted(self.paper)[len(self.paper) // 2]


def blocks_of(operators: tuple[OperatorDesc, ...]) -> list[list[int]]:
    """Return operators by block: a block ends with the 1×1 convolution behind a depthwise one, and its addition."""
    blocks: list[list[int]] = [[]]
    deep = closed = False
    for op in operators:
        if closed and op.kind != "add":
            blocks.append([])
            deep = closed = False
        blocks[-1].append(op.index)
        deep |= op.kind == "depthwise_conv2d"
        closed |= deep and op.kind == "conv2d"
    return blocks


def measure(name: str) -> Distribution:
    """Return the distribution of one of the zoo's networks."""
    analysis = driver.analyse(write_model(build(name)))
    network = analysis.network
    by_paper = [operator_bytes(network, op) for op in network.operators]
    in_use = {layer.index: layer.live_bytes for layer in analysis.layers}
    blocks = blocks_of(network.operators)
    return Distribution(
        name,
        [max(by_paper[i] for i in block) for block in blocks],
        [max(in_use[i] for i in block) for block in blocks],
    )


def show(console: Console, results: list[Distribution]) -> None:
    """Print a line a network."""
    table = Table(title="KiB a block, layer by layer", box=None, header_style="bold")
    for column in ("network", "blocks", "most", "median", "most / median", "most, compiled"):
        table.add_column(column, justify="left" if column == "network" else "right")
    for r in results:
        middle = sorted(r.paper)[len(r.paper) // 2]
        numbers = (max(r.paper), middle, max(r.compiled))
        most, median, compiled = (f"{n / 1024:.1f}" for n in numbers)
        table.add_row(r.name, str(len(r.paper)), most, median, f"{r.imbalance:.1f}", compiled)
    console.print(table)


def plot(path: Path, results: list[Distribution]) -> None:
    """Draw the blocks of every network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.2 * len(results)), layout="constrained")
    for axes, r in zip(figure.subplots(len(results), 1), results, strict=True):
        places = range(len(r.paper))
        axes.bar(places, [n / 1024 for n in r.paper], color=BEFORE, label="input and output")
        axes.bar(
            places, [n / 1024 for n in r.compiled], width=0.45, color=AFTER, label="arena in use, compiled"
        )
        axes.set_title(f"{r.name}: the fullest block needs {r.imbalance:.1f} times the median", fontsize=9)
        axes.set_ylabel("KiB")
        axes.set_xticks(list(places))
        axes.set_xlim(-0.7, len(r.paper) - 0.3)
    axes.set_xlabel("block")
    figure.axes[0].legend(fontsize=8)
    save(figure, path)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_distribution")
    parser.add_argument("--plot", type=Path, help="draw it")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    arguments = parser.parse_args()
    if arguments.plot is not None:
        check_plot(arguments.plot)
    results = [measure(name) for name in track(NETWORKS, "building networks", transient=True)]
    if arguments.plot is not None:
        plot(arguments.plot, results)
    if arguments.json is not None:
        write_text(arguments.json, json.dumps([asdict(r) for r in results], indent=2) + "\n")
    show(Console(width=120), results)


if __name__ == "__main__":
    main()
