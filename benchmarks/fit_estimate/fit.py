"""From measurements to cycles, or instructions, per piece of code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fit_estimate.cases import Case
from benchmarks.fit_estimate.cores import Core
from benchmarks.fit_estimate.measure import Measurement, describe
from benchmarks.fit_estimate.networks import RANKED, described
from tvm_patch.planner.estimate.cycles import segment_pieces
from tvm_patch.planner.estimate.whole import whole_terms
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import Segment, layer_by_layer

Array = Any  # numpy array
_TOGETHER = 40
_SMALL = 300
"""Cycles added to every measurement before errors are made relative to it."""
_OUTLIER = 0.04
"""Relative error from which on a measurement counts less."""
_ROUNDS = 12
_FEW = 4
_TWICE = 2


def pieces_of(measurements: Sequence[Measurement], core: Core) -> list[dict[str, float]]:
    """Return the pieces of code that each measured operator runs, with what makes the rows of a reduction."""
    found = []
    for start in range(0, len(measurements), _TOGETHER):
        some = measurements[start : start + _TOGETHER]
        described = describe([m.case for m in some], core)
        for measurement, segment in zip(some, described.segments, strict=True):
            layout = Segment(segment.operators, measurement.bands).lay_out(described.network)
            found.append(dict(_of_layout(described.network, layout)))
    return found


def few_of(cases: Sequence[Case], core: Core) -> list[Case]:
    """Return every fourth case, and as many more as show every piece of code twice; in two numbers of bands at most."""
    pieces = pieces_of([Measurement(case, 1, 0) for case in cases], core)
    chosen, seen = set(range(0, len(cases), _FEW)), Counter[str]()
    for i in chosen:
        seen.update(pieces[i].keys())
    for i, found in enumerate(pieces):
        if i not in chosen and any(seen[name] < _TWICE for name in found):
            chosen.add(i)
            seen.update(found.keys())
    return [replace(cases[i], bands=cases[i].bands[:2]) for i in sorted(chosen)]


def _of_layout(network: Network, layout: Layout) -> Mapping[str, float]:
    return (
        segment_pieces(network, layout)
        if isinstance(layout, RowsLayout)
        else whole_terms(network, layout.sink)
    )


def plan_pieces(network: Network, segments: Sequence[Segment], mode: Any = "resident") -> dict[str, float]:
    """Return the pieces of code that a plan runs."""
    total: dict[str, float] = {}
    for layout in Schedule.of(network, segments, mode).layouts:
        for name, count in _of_layout(network, layout).items():
            total[name] = total.get(name, 0.0) + count
    return total


SEGMENT = ("segment.byte",)
"""The piece that only segments of several operators have: fitted to whole networks."""


def fit_table(
    measurements: Sequence[Measurement],
    fetching: Sequence[tuple[int, int, int]],
    networks: Mapping[str, Any],
    models: Path,
    core: Core,
) -> dict[str, float]:
    """Return the table: operators from single ones, the overhead of segments from plans of whole networks.

    Of the networks in ``RANKED`` what plans take more than running layer by layer is compared with what the table so
    far expects, so that the error of single layers cancels.
    """
    pieces = pieces_of(measurements, core)
    table = fit(pieces, [m.cost for m in measurements])
    # What fetching takes more than storing may be less than nothing, so errors are not made relative to it.
    matrix = np.array([(rows, rows * size) for rows, size, _ in fetching], float)
    cycles = non_negative_least_squares(matrix, np.array([cycles for _, _, cycles in fetching], float))
    table |= dict(zip(("fetched.row", "fetched.byte"), cycles.tolist(), strict=True))
    more, wanted, whole = [], [], []
    for name in RANKED:
        network, record = described(models / f"{name}.tflite", core), networks[name]
        layers = plan_pieces(network, layer_by_layer(network))
        for plan in record["plans"]:
            run = plan_pieces(network, recorded_segments(plan), plan["input_mode"])
            rest = {n: run.get(n, 0.0) - layers.get(n, 0.0) for n in {*run, *layers}}
            expected = sum(table.get(n, 0.0) * count for n, count in rest.items() if n not in SEGMENT)
            more.append([rest.get(n, 0.0) for n in SEGMENT])
            wanted.append(plan["cycles"] - record["cycles"] - expected)
            whole.append(record["cycles"])
    matrix, target = np.array(more) / np.array(whole)[:, None], np.array(wanted) / np.array(whole)
    scale = np.maximum(np.linalg.norm(matrix, axis=0), 1e-12)
    solution = non_negative_least_squares(matrix / scale, target) / scale
    return {**table, **dict(zip(SEGMENT, solution.tolist(), strict=True))}


def recorded_segments(plan: Mapping[str, Any]) -> tuple[Segment, ...]:
    """Return the segments of a measured plan."""
    return tuple(Segment(tuple(operators), bands) for operators, bands in plan["segments"])


def table_text(table: Mapping[str, float], core: Core) -> str:
    """Return the module that holds a table."""
    lines = "".join(f'    "{name}": {value:.4g},\n' for name, value in sorted(table.items()))
    memories = f", with the memories of {core.silicon}" if core.unit == "cycles" else ""
    return (
        f'"""{core.unit.title()} by piece of code on a {core.name.title()}{memories}.\n\n'
        "Written by ``python -m benchmarks.fit_estimate`` from what it recorded beside itself: non-negative least\n"
        'squares of relative errors.  See ``docs/planner-estimate.md``.\n"""\n\n'
        f"{core.unit.upper()}: dict[str, float] = {{\n{lines}}}\n"
        '"""By name of the piece; see :mod:`tvm_patch.planner.estimate.terms`."""\n'
    )


def fit(pieces: Sequence[Mapping[str, float]], measured: Sequence[float]) -> dict[str, float]:
    """Return the cycles per piece that explain the measurements best, none negative.

    Errors are relative, so that small operators count as much as large ones, down to :data:`_SMALL`.  Beyond
    :data:`_OUTLIER` they count linearly: where the C compiler has a bad day the others should not pay.
    """
    names = sorted({name for p in pieces for name in p})
    unit = np.asarray(measured, float) + _SMALL
    matrix = np.array([[p.get(name, 0.0) for name in names] for p in pieces]) / unit[:, None]
    target = np.asarray(measured, float) / unit
    norms = np.linalg.norm(matrix, axis=0)
    scale = np.where(norms > 0, norms, 1.0)
    weight = np.ones(len(target))
    for _ in range(_ROUNDS):
        solution = non_negative_least_squares(matrix / scale * weight[:, None], target * weight)
        error = np.abs(matrix / scale @ solution - target)
        weight = np.sqrt(_OUTLIER / np.maximum(error, _OUTLIER))
    return {name: float(v) for name, v in zip(names, solution / scale, strict=True)}


def non_negative_least_squares(matrix: Array, target: Array) -> Array:
    """Return the x >= 0 that minimizes ``|matrix @ x - target|``: the active-set method of Lawson and Hanson."""
    count = matrix.shape[1]
    x, free = np.zeros(count), np.zeros(count, bool)
    tolerance = 1e-10
    for _ in range(10 * count):
        gradient = matrix.T @ (target - matrix @ x)
        best = int(np.argmax(np.where(free, -np.inf, gradient)))
        if free.all() or gradient[best] <= tolerance:
            break
        free[best] = True
        while True:
            trial = np.zeros(count)
            trial[free] = np.linalg.lstsq(matrix[:, free], target, rcond=None)[0]
            if trial[free].min() > 0:
                break
            # Go as far towards it as nothing turns negative, and let go of what reaches zero.
            negative = free & (trial <= 0)
            step = np.min(x[negative] / (x[negative] - trial[negative]))
            x = x + step * (trial - x)
            free &= x > 1e-12
            x[~free] = 0
        x = trial
    return x
