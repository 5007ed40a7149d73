"""Asking for a plan never costs memory: layer by layer, as it is placed, is among the plans looked at."""

from __future__ import annotations

import pytest

from tests.models.networks import all_networks
from tests.plans.networks import random_network
from tvm_patch.driver.front import legalize
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.planner.search.ways import Point


def assert_not_worse(network, mode):
    layer = layer_point(network, mode)
    chosen = choose_plan(network, Request(input_mode=mode, objective="memory"))
    assert chosen.plan.arena_bytes <= layer.arena_bytes
    # Under the same limits it is found at least as well.
    again = choose_plan(network, Request(input_mode=mode, sram=layer.arena_bytes, max_overhead=1.0))
    assert again.plan.arena_bytes <= layer.arena_bytes
    assert any(p.arena_bytes <= layer.arena_bytes for p in chosen.front)


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed):
    assert_not_worse(legalize(random_network(seed)).describe()[1], "resident")


@pytest.mark.verify
@pytest.mark.parametrize("name", all_networks())
def test_real_networks(name, shared_models):
    assert_not_worse(legalize(shared_models / f"{name}.tflite").describe()[1], "resident")


def test_a_plan_that_the_search_does_not_keep_is_still_found(monkeypatch):
    """Of two ways with one bound the search keeps one, here the one that is placed worse."""

    class Worse(Point):
        @property
        def arena_bytes(self) -> int:
            return layer.arena_bytes + 4096

    _, network = legalize(random_network(3)).describe()
    layer = layer_point(network, "resident")
    placed = Search._point
    monkeypatch.setattr(Search, "leaner", lambda *_: None)
    monkeypatch.setattr(Search, "_point", lambda *way: Worse(placed(*way).schedule, placed(*way).cycles))
    assert choose_plan(network, Request(objective="memory")).point.segments == layer.segments
