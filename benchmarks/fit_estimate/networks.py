"""Whole networks on an emulated board: layer by layer and under plans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fit_estimate.cores import Core
from benchmarks.fit_estimate.log import Log
from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import Segment, layer_by_layer

SMALL = (
    "mcunet-vww1-tinyengine-80",
    "mcunet-persondet-128x160",
    "mlperf-vww-96",
    "mlperf-ic-resnet8-32",
    "mlperf-kws-dscnn",
    "mlperf-ad01",
    "mlperf-sww",
    "tflm-micro-speech",
    "mltk-kws-mbv2",
    "openmv-fomo-face-96",
)
"""Networks whose layers and least-memory plans are measured."""

RANKED = (
    "mcunet-vww1-tinyengine-80",
    "mlperf-vww-96",
    "mltk-kws-mbv2",
    "openmv-fomo-face-96",
)
"""Networks of which several plans are measured, to see whether the estimate ranks them."""

PLANS = 8
"""How many."""


def described(model: Path, core: Core) -> Network:
    """Return a model as the planner sees it, with the channels that pruning would leave out.

    The estimate is of kernels; what is recorded of networks holds whatever pruning learns.
    """
    return core.describe(model, prune=False)


def _plans(network: Network, ranked: bool) -> Iterator[tuple[InputMode, tuple[Segment, ...]]]:
    """Yield different plans: the least memory with either input mode, and for ranked networks some others.

    Only those that are all segments of rows, in bands: more is not recorded of them.
    """
    seen = {layer_by_layer(network)}
    modes: tuple[InputMode, ...] = ("resident", "rereadable") if image_input(network) else ("resident",)
    for mode in modes:
        found = [Search(network, mode).least_memory().segments]
        if ranked and mode == "resident":
            found += [random_plan(network, seed) for seed in range(PLANS - 1)]
        for segments in found:
            if segments not in seen and all(s == Segment(s.operators, s.bands) for s in segments):
                seen.add(segments)
                yield mode, segments


def random_plan(network: Network, seed: int) -> tuple[Segment, ...]:
    """Return a legal plan of random segments in random numbers of bands."""
    rng = np.random.default_rng(seed)
    segments: list[Segment] = []
    first, count = 0, len(network.operators)
    while first < count:
        last = min(count, first + int(rng.integers(1, 4 + 3 * seed)))
        bands = int(rng.integers(1, 2 + seed % 4))
        kept = {t for op in network.operators[last:] for t in op.inputs} | set(network.outputs)
        while not _legal(network, range(first, last), bands, kept):
            if bands > 1:
                bands -= 1
            else:
                last -= 1
                kept |= set(network.operators[last].inputs)
        segments.append(Segment(tuple(range(first, last)), bands))
        first = last
    return tuple(segments)


def _legal(network: Network, operators: Sequence[int], bands: int, kept: set[str]) -> bool:
    if len(operators) == 1 and bands == 1:
        return True
    try:
        layout_rows(network, operators, bands, kept)
    except PlanError:
        return False
    return True


def image_input(network: Network) -> bool:
    """Tell whether the rows of the inputs can be fetched."""
    return all(len(network.tensors[t].shape) == 4 and network.consumers(t)[0].rows for t in network.inputs)


def measure_networks(folder: Path, core: Core, log: Log, few: bool = False) -> dict[str, Any]:
    """Return the cycles of all networks, layer by layer and under plans.

    Parameters
    ----------
    folder : path
        Holds ``<name>.tflite``.
    core : Core
    log : Log
        Of what is known already.
    few : bool
        Only those that are ranked.
    """
    found: dict[str, Any] = {}
    for name in RANKED if few else SMALL:
        model = folder / f"{name}.tflite"
        network = described(model, core)

        def run(segments: Sequence[Segment], mode: InputMode, model: Path = model) -> int:
            key = f"{model.stem} {mode} {[(s.operators, s.bands) for s in segments]}"
            return int(log.get(key, lambda: [core.cost(model, segments, mode, prune=False)])[0])

        layers = run(layer_by_layer(network), "resident")
        plans = []
        for mode, segments in _plans(network, name in RANKED):
            cycles = run(segments, mode)
            plans.append(
                {
                    "input_mode": mode,
                    "segments": [[list(s.operators), s.bands] for s in segments],
                    "cycles": cycles,
                }
            )
            print(f"{core.name}: {name}: {len(segments)} segments, {mode}: {cycles:,}", flush=True)
        found[name] = {"cycles": layers, "plans": plans}
    return found
