"""The arena against what no arena can go below, on whole networks: within a hundredth, layer by layer and planned."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.models.networks import QUICK, all_networks
from tests.plans.networks import random_network
from tvm_patch.driver.front import legalize
from tvm_patch.errors import PlanError
from tvm_patch.input_mode import INPUT_MODES
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

NEAR = 1.01
REAL = [pytest.param(n, marks=() if n in QUICK else pytest.mark.verify) for n in all_networks()]
OWN = ("mlperf_ic", "mlperf_vww", "mcunet_vww1")


def _assert_near(schedule) -> None:
    plan = schedule.placement.plan
    assert plan.lower_bound <= plan.size <= NEAR * plan.lower_bound


def _layer_by_layer(network, modes=INPUT_MODES) -> int:
    """Check all modes that the input can be had in; return how many those are."""
    placed = 0
    for mode in modes:
        with suppress(PlanError):
            _assert_near(layer_point(network, mode).schedule)
            placed += 1
    return placed


def _planned(network, mode) -> None:
    search = Search(network, mode)
    for overhead in (1.05, 1.2, None):
        with suppress(PlanError):
            _assert_near(search.least_memory(overhead).schedule)


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed):
    _, network = legalize(random_network(seed)).describe()
    assert _layer_by_layer(network)
    _planned(network, "resident")


@pytest.mark.parametrize("name", OWN)
def test_own_networks(name):
    _, network = legalize(write_model(build(name))).describe()
    assert _layer_by_layer(network) == 3
    _planned(network, "resident")


@pytest.mark.parametrize("name", REAL)
def test_real_networks_layer_by_layer(name, shared_models):
    assert _layer_by_layer(legalize(shared_models / f"{name}.tflite").describe()[1])


@pytest.mark.verify
@pytest.mark.parametrize("mode", INPUT_MODES)
@pytest.mark.parametrize("name", all_networks())
def test_real_networks_planned(name, mode, shared_models):
    _, network = legalize(shared_models / f"{name}.tflite").describe()
    try:
        layer_point(network, mode)
    except PlanError as error:
        pytest.skip(f"its input cannot be {mode}: {error}")
    _planned(network, mode)
