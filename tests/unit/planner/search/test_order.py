"""Run orders: legal, the same every time, and never worse."""

from __future__ import annotations

import pytest

from tests.unit.planner.networks import described, random_network
from tvm_patch.graph import Tensor
from tvm_patch.planner import Network
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.search.order import better_order, kept_alive, other_orders
from tvm_patch.planner.segments import layer_by_layer

pytestmark = pytest.mark.slow


def interleaved(heads: int = 3, length: int = 3) -> Network:
    """Return heads on one tensor, written layer by layer, side by side."""
    tensors = {"x": Tensor("x", (1, 8, 8, 4))}
    operators = []
    for step in range(length):
        for head in range(heads):
            name, source = f"h{head}_{step}", f"h{head}_{step - 1}" if step else "x"
            tensors[name] = Tensor(name, (1, 8, 8, 4 if step < length - 1 else 1))
            operators.append(
                described(
                    len(operators),
                    name,
                    "k",
                    (tensors[source],),
                    (tensors[name],),
                    rows=(RowWindow(),),
                    macs=64,
                )
            )
    outputs = [tensors[f"h{head}_{length - 1}"] for head in range(heads)]
    return Network.of("heads", operators, [tensors["x"]], outputs)


def layers(network: Network) -> int:
    """Return the arena of a network run layer by layer."""
    return Schedule.of(network, layer_by_layer(network)).arena_bytes


def test_heads_run_one_after_the_other():
    network = interleaved()
    order = better_order(network)
    assert order is not None
    better = network.reordered(order)
    heads = [op.name.split("_")[0] for op in better.operators]
    assert len([i for i in range(1, 9) if heads[i] != heads[i - 1]]) == 2
    assert layers(better) < layers(network)
    assert Search(better).least_memory().arena_bytes < Search(network).least_memory().arena_bytes
    assert better_order(better) is None


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_never_worse(first):
    for seed in range(first, first + 30):
        network = random_network(seed, 10)
        for order in other_orders(network.graph):
            network.reordered(order)  # raises where a reader comes first
        order = better_order(network)
        assert order == better_order(network)
        if order is None:
            continue
        better = network.reordered(order)
        assert layers(better) <= layers(network)
        assert Search(better).least_in_use <= Search(network).least_in_use


def test_chains_have_one_order():
    assert other_orders(interleaved(1).graph) == []


def test_kept_alive():
    network = interleaved(2, 2)
    assert kept_alive(network) == sum(network.graph.live_bytes(i) ** 2 for i in range(4))
