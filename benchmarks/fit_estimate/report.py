"""How good the estimate is on whole networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.fit_estimate.cores import Core
from benchmarks.fit_estimate.fit import plan_pieces, recorded_segments
from benchmarks.fit_estimate.networks import RANKED, described
from tvm_patch.planner.estimate.cycles import cycles_of_pieces
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import layer_by_layer


def kendall_tau(estimated: Sequence[float], measured: Sequence[float], apart: float = 0.0) -> float:
    """Return the share of pairs in the same order less the share of those in the other.

    Parameters
    ----------
    estimated, measured : sequence of float
    apart : float
        Pairs whose measured values differ by a smaller part of the lesser one do not count.
    """
    pairs = [
        (x, y)
        for x, y in combinations(zip(estimated, measured, strict=True), 2)
        if abs(x[1] - y[1]) >= apart * min(x[1], y[1])
    ]
    signs = [(x[0] - y[0]) * (x[1] - y[1]) for x, y in pairs]
    return (sum(s > 0 for s in signs) - sum(s < 0 for s in signs)) / max(1, len(pairs))


def regret(rows: Sequence[tuple[float, int, str]]) -> float:
    """Return what the way with the least estimate took over what the fastest one took."""
    return min(rows, key=lambda r: r[0])[1] / min(r[1] for r in rows)


def compared(network: Network, record: Mapping[str, Any]) -> list[tuple[float, int, str]]:
    """Return (estimated, measured, what) of a network: layer by layer, then its plans."""
    costs = network.target.costs
    found = [
        (
            cycles_of_pieces(plan_pieces(network, layer_by_layer(network)), costs),
            record["cycles"],
            "layers",
        )
    ]
    for plan in record["plans"]:
        pieces = plan_pieces(network, recorded_segments(plan), plan["input_mode"])
        found.append((cycles_of_pieces(pieces, costs), plan["cycles"], plan["input_mode"]))
    return found


def report(networks: Mapping[str, Any], models: Path, core: Core) -> None:
    """Print estimated over measured cycles, and how well plans are ranked."""
    for name, record in networks.items():
        rows = compared(described(models / f"{name}.tflite", core), record)
        ratios = " ".join(f"{e / m:.3f}" for e, m, _ in rows)
        both = [r[0] for r in rows], [r[1] for r in rows]
        plain, apart = kendall_tau(*both), kendall_tau(*both, apart=0.02)
        ranked = f"  tau {plain:.2f}, {apart:.2f} where 2 % apart, regret {regret(rows):.3f}"
        tau = ranked if name in RANKED else ""
        print(f"{name}: {rows[0][1]:,} layer by layer; estimated / measured {ratios}{tau}")
