"""MCUNetV2's table 1: MobileNetV2 and MobileNetV2-RD in 4 × 4 patches.

``python -m benchmarks.mcunetv2_table1 [--json FILE] [--no-run]`` builds MobileNetV2 1.0 at 224 from the zoo,
redistributes it by the recipe ``mobilenetv2-rd``, compiles both layer by layer and under scheme ``mcunetv2``, runs the
patched ones on the emulated Cortex-M7, bit for bit against LiteRT's reference (two minutes).  The paper's figures are
cited beside ours: Lin et al., MCUNetV2, NeurIPS 2021, table 1 and section 3.2.

Two ways of counting are shown.  *Paper's way*: an operator needs its input and its output (a depthwise convolution, in
place, the larger of the two), and every patch is as large as one in the middle.  *Compiled*: what runs; outputs
lie over dying inputs, depthwise convolutions have a ring of rows beside them, patches are clipped at the border.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import tvm_patch
from tvm_patch import driver
from tvm_patch.driver.redistribute import redistribute
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.redistribution.measure import Measures
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

PATCHES, LAYERS = 4, 13
"""Patches along each axis; operators in them, down to 28 × 28 × 32."""

PAPER: dict[str, dict[str, float]] = {
    "MobileNetV2": {"layer": 1372, "patched": 172, "pixels": 75, "stage": 0.42, "overall": 0.10},
    "MobileNetV2-RD": {"layer": 1372, "patched": 172, "pixels": 63, "stage": 0.18, "overall": 0.03},
}
"""Peak memory in kB (1024 bytes), pixels of the input per patch, overheads."""

WHY = (
    "Peak of the paper's way layer by layer: 112×112×(16+96). Behind the patches: 28×28×(32+192).",
    "Compiled layer by layer is less: the 96-channel output lies over the rows of its input already read.",
    "Compiled in patches is more than 172: the depthwise convolution at 28×28×192 runs in place, but beside a ring of "
    "padded rows, and the shortcut waits meanwhile. The paper's figure has no such buffer.",
    "The paper's stage overheads are those of equal patches; its overall overheads lie by the clipped count.",
)


def operator_bytes(network: Network, op: OperatorDesc) -> int:
    """Return what an operator needs, the paper's way."""
    sizes = [network.tensors[t].nbytes for t in dict.fromkeys((*op.inputs, *op.outputs))]
    return max(sizes) if op.kind == "depthwise_conv2d" else sum(sizes)


def paper_peaks(network: Network, layers: int) -> tuple[int, int]:
    """Return the bytes of the hungriest operator, the paper's way: of all, and of those behind the patches."""
    sizes = [operator_bytes(network, op) for op in network.operators]
    return max(sizes), max(sizes[layers:])


def row(name: str, data: bytes, measures: Measures, layers: int, run: bool) -> dict[str, Any]:
    """Return the figures of one network."""
    request = Request("rereadable", "mcunetv2", "memory", patches=PATCHES, layers=layers)
    artifact = tvm_patch.compile(data, board="qemu_m7", plan=request)
    exact = instructions = None
    if run:
        given = driver.random_inputs(artifact, 1, 0)
        result = artifact.run(given, board="qemu_m7")
        with Oracle(data, isolate=True) as oracle:
            exact = driver.check(artifact, data, given, result.outputs, oracle).bit_exact
        instructions = result.instructions
    network = tvm_patch.plan(data, Request(scheme="layer")).network
    layer, behind = paper_peaks(network, layers)
    return {
        "network": name,
        "paper": PAPER[name],
        "pixels": measures.stage.field[0],
        "paper_way": {
            "layer_bytes": layer,
            "behind_patches_bytes": behind,
            "stage_overhead": measures.stage.overhead_inside - 1,
            "overall_overhead": measures.overhead_inside - 1,
        },
        "compiled": {
            "layer_bytes": measures.layer_arena_bytes,
            "patched_bytes": artifact.arena_bytes,
            "stage_overhead": measures.stage.overhead - 1,
            "overall_overhead": measures.overhead - 1,
            "bit_exact": exact,
            "instructions": instructions,
        },
    }


def table1(run: bool = True) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    data = write_model(build("mobilenet_v2", width=1.0, resolution=224))
    changed = redistribute(data, "mobilenetv2-rd", LAYERS, PATCHES)
    return [
        row("MobileNetV2", data, changed.before, LAYERS, run),
        row("MobileNetV2-RD", changed.data, changed.after, changed.after.stage.layers, run),
    ]


def show(console: Console, rows: list[dict[str, Any]]) -> None:
    """Print the table and why its figures differ."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("network", "figure", "paper", "paper's way", "compiled"):
        table.add_column(column, justify="left" if column in ("network", "figure") else "right")
    for r in rows:
        paper, theirs, ours = r["paper"], r["paper_way"], r["compiled"]
        kib = [f"{v / 1024:.1f}" for v in (theirs["layer_bytes"], ours["layer_bytes"])]
        table.add_row(r["network"], "layer by layer, KiB", f"{paper['layer']:.0f}", *kib)
        kib = [f"{v / 1024:.1f}" for v in (theirs["behind_patches_bytes"], ours["patched_bytes"])]
        table.add_row("", "4×4 patches, KiB", f"{paper['patched']:.0f}", *kib)
        table.add_row("", "pixels a patch reads", f"{paper['pixels']:.0f}", "", f"{r['pixels']}")
        for key in ("stage", "overall"):
            both = [f"{v[f'{key}_overhead']:+.1%}" for v in (theirs, ours)]
            table.add_row("", f"{key} overhead", f"{paper[key]:+.0%}", *both)
        if ours["instructions"]:
            exact = "bit-exact" if ours["bit_exact"] else "NOT bit-exact"
            table.add_row(
                "", "Cortex-M7 instructions", "", "", f"{ours['instructions'] / 1e6:.1f} M, {exact}"
            )
    console.print(table)
    for line in WHY:
        console.print(f"- {line}", highlight=False)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mcunetv2_table1")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    parser.add_argument("--no-run", action="store_true", help="compile only")
    arguments = parser.parse_args()
    rows = table1(not arguments.no_run)
    if arguments.json is not None:
        from tvm_patch.files import write_text

        write_text(arguments.json, json.dumps(rows, indent=2) + "\n")
    show(Console(), rows)
    if any(r["compiled"]["bit_exact"] is False for r in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
