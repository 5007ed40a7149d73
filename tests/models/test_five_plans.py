"""Every real network under at least five plans, in both kernel forms: LiteRT's bits, in the arena predicted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest

import tvm_patch
from tests.models.networks import all_networks, eight_inputs
from tests.plans.composites import with_composites
from tests.plans.plans import ODD, longest_plan, random_plan
from tests.plans.specification import specified
from tvm_patch.driver.domain import difference_in_steps, input_to_model, output_to_model
from tvm_patch.driver.front import Legalized, legalize
from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.oracle import Oracle, OracleRefusal
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import Segment, layer_by_layer

Plan = Callable[[Network], Sequence[Segment]]


def least(mode: InputMode) -> Plan:
    """The plan with the least arena, whatever it computes twice."""
    return lambda network: Search(network, mode).least_memory().segments


def odd_bands(mode: InputMode, seed: int) -> Plan:
    """A random plan, in odd numbers of bands or patches where it can be."""
    return lambda network: random_plan(network, seed, mode, ODD)


def composites(mode: InputMode, seed: int) -> Plan:
    """The longest segments in one band, with composites of random length and rows wherever some can be."""

    def plan(network: Network) -> Sequence[Segment]:
        segments = longest_plan(network, 1, mode)
        return with_composites(network, segments, fetched_inputs(network, mode), seed)

    return plan


PLANS: dict[str, tuple[InputMode, Plan]] = {
    "least-rereadable": ("rereadable", least("rereadable")),
    "least-streamed": ("streamed", least("streamed")),
    "least-resident": ("resident", least("resident")),
    "odd-resident": ("resident", odd_bands("resident", 1)),
    "odd-resident-again": ("resident", odd_bands("resident", 3)),
    "odd-rereadable": ("rereadable", odd_bands("rereadable", 2)),
    "composites": ("resident", composites("resident", 1)),
    "composites-rereadable": ("rereadable", composites("rereadable", 2)),
    "channels": ("resident", lambda network: with_composites(network, layer_by_layer(network), (), 3)),
    "longest-8": ("resident", lambda network: longest_plan(network, bands=8)),
    "longest-1": ("resident", lambda network: longest_plan(network, bands=1)),
}
"""Eleven, because not every network's input can be fetched row by row: five at least are left."""

_QUICK = {"mlperf-ic-resnet8-32", "mlperf-kws-dscnn", "tflm-micro-speech"}
_QUICK_PLANS = {"least-rereadable", "odd-resident", "longest-8", "composites", "channels"}

CASES = [
    pytest.param(name, plan, marks=() if name in _QUICK and plan in _QUICK_PLANS else pytest.mark.verify)
    for name in all_networks()
    for plan in PLANS
]


@cache
def network_of(path) -> tuple[bytes, Legalized, Network]:
    legalized = legalize(path)
    return path.read_bytes(), legalized, legalized.describe()[1]


@cache
def reference(path) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]], str]:
    """Return an extreme input, a picture and random numbers, the outputs for each, and where these are from."""
    data, legalized, _ = network_of(path)
    artifact = tvm_patch.compile(data)
    inputs = eight_inputs(artifact)[1::3]
    meta = artifact.metadata
    try:
        with Oracle(data, isolate=True) as oracle:
            originals = [
                [input_to_model(*x) for x in zip(s, meta.model_inputs, meta.inputs, strict=True)]
                for s in inputs
            ]
            return inputs, [oracle.run(s).outputs for s in originals], "LiteRT"
    except OracleRefusal:
        # LiteRT itself cannot run it; the specification, which equals LiteRT wherever that can, stands in.
        return inputs, [specified(legalized, s) for s in inputs], "specification"


@pytest.mark.parametrize(("name", "plan"), CASES)
def test_bits_and_arena(shared_models, name, plan):
    path = shared_models / f"{name}.tflite"
    data, _, network = network_of(path)
    mode, make = PLANS[plan]
    try:
        segments = tuple(make(network))
    except PlanError as refusal:
        if mode == "resident":
            raise
        pytest.skip(f"{name} cannot run with {mode} input: {refusal}")
    predicted = Schedule.of(network, segments, mode).arena_bytes
    inputs, expected, source = reference(path)
    artifact = tvm_patch.compile(data, input_mode=mode, segments=lambda _network: segments)
    result = artifact.run(inputs, profile=False, optimize="-O1")
    assert predicted == artifact.arena_bytes == result.arena_bytes
    meta = artifact.metadata
    for got, wanted in zip(result.outputs, expected, strict=True):
        for g, w, m, a in zip(got, wanted, meta.model_outputs, meta.outputs, strict=True):
            mine = output_to_model(g, m, a) if source == "LiteRT" else g
            assert difference_in_steps(mine, w, a) == 0
