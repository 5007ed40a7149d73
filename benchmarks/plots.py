"""Pictures of what was measured beside what the peers need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers import NETWORKS
from tvm_patch.report.plot_parts import AFTER, BEFORE, PEAK, QUIET, save

_PLANNED = "#85c1e9"


def plot_networks(path: Path, by_way: Mapping[tuple[str, str], int]) -> None:
    """Draw the instructions of networks, by name and way, as parts of TFLite Micro's with CMSIS-NN."""
    from matplotlib.figure import Figure

    names = [n for n in dict.fromkeys(name for name, _ in by_way) if n in NETWORKS]
    bars = (
        ("TFLite Micro + CMSIS-NN (exact)", BEFORE, {n: NETWORKS[n].tflm for n in names}),
        ("TinyEngine, float (not exact)", PEAK, {n: NETWORKS[n].tinyengine for n in names}),
        ("tvm-patch, least memory (exact)", _PLANNED, {n: by_way.get((n, "plan")) for n in names}),
        ("tvm-patch, layer by layer (exact)", AFTER, {n: by_way.get((n, "layer")) for n in names}),
    )
    figure = Figure(figsize=(8, 0.9 * len(names) + 1.2), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(bars)
    for k, (label, color, counts) in enumerate(bars):
        places = [i + (k - 1.5) * height for i, n in enumerate(names) if counts[n] is not None]
        shares = [100 * count / NETWORKS[n].tflm for n in names if (count := counts[n]) is not None]
        axes.barh(places, shares, height=height, color=color, label=label)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("instructions on a Cortex-M7, % of TFLite Micro's")
    axes.set_facecolor(QUIET)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=2)
    save(figure, path)
