"""Ranges of channels: what the specification gives lies within them, and their ends are met where they must be."""

from __future__ import annotations

import numpy as np
import pytest
import tvm

from relay_passes.channels.ranges import ranges_of
from relay_passes.extract_graph import extract_graph
from relay_passes.pipeline import legalization_passes
from tests.plans.networks import sparse_network
from tests.unit.relay_passes.builders import conv, lookup, module, var
from tests.unit.relay_passes.models import EDGES, OURS_ONLY, STOCK_TOO, file_of, our_import, run, single
from tvm_patch.frontend import import_tflite


def legal(imported):
    return tvm.transform.Sequential(legalization_passes("float", prune=False))(imported)


def assert_within(module_, seed: int) -> None:
    """Evaluate the network and look at every tensor."""
    graph = extract_graph(module_)
    known = ranges_of(graph)
    rng = np.random.default_rng(seed)
    (given,) = graph.inputs
    assert given.dtype == "int8"
    random = rng.integers(-128, 128, given.shape).astype(np.int8)
    for data in (random, np.full_like(random, -128), np.full_like(random, 127)):
        values = run(module_, [data])
        for name, found in known.items():
            rows = values[name].reshape(-1, len(found.low)).astype(int)
            assert (rows >= found.low).all(), f"{name}, seed {seed}"
            assert (rows <= found.high).all(), f"{name}, seed {seed}"


@pytest.mark.parametrize("name", [*STOCK_TOO, *OURS_ONLY, *EDGES])
def test_every_operator_stays_within(name):
    build = {**STOCK_TOO, **OURS_ONLY, **EDGES}[name]
    assert_within(legal(our_import(file_of(single(build)))), 1)


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(s, marks=pytest.mark.slow) for s in range(8, 60))]
)
def test_networks_stay_within(seed):
    assert_within(legal(import_tflite(sparse_network(seed)).module), seed)


def convolution(weight, bias: int, multiplier: int, shift: int):
    """The range of a 1×1 convolution's only channel, input from 0 to 127 with zero point 0."""
    x = var("x", (1, 2, 2, 1))
    literals = [
        np.array([[[[weight]]]], np.int8),
        *(np.array([v], np.int32) for v in (bias, multiplier, shift)),
    ]

    def write(b):
        positive = b.emit(lookup(x, "relu", "int8"), "r")
        return [b.emit(conv(positive, zero_point=-128, literals=literals), "y", True)]

    return ranges_of(extract_graph(module([x], write)))["y"]


@pytest.mark.parametrize("sign", [1, -1])
def test_ends_are_those_of_the_specification(sign):
    found = convolution(1, 0, sign << 30, -1)  # 0 .. 255, divided by four and added to 7
    ends = sorted([7, 7 + sign * 64])
    assert [found.low[0], found.high[0]] == ends


def test_nothing_is_claimed_where_a_shift_may_overflow():
    found = convolution(127, 0, 1 << 30, 17)  # 255 * 127 << 17 leaves int32
    assert (found.low[0], found.high[0]) == (-128, 127)


def test_nothing_is_claimed_where_a_sum_may_overflow():
    found = convolution(127, 2**31 - 100, 1 << 30, -20)
    assert (found.low[0], found.high[0]) == (-128, 127)


def test_constant_is_known_though_another_channel_overflows():
    assert convolution(0, 3 << 20, 1 << 30, -19).constant.all()
