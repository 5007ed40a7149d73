"""Operators turned by a quarter, and cut into blocks of channels: what they make is what the operator makes."""

from __future__ import annotations

import numpy as np
import pytest

from relay_passes.dialect import evaluate
from tests.plans.networks import one_of_each, random_network
from tvm_patch.driver.front import legalize
from tvm_patch.planner.channel_blocks import of_channels, starts_of
from tvm_patch.planner.layout.channels import makes_channels, splits_channels
from tvm_patch.planner.network import Network
from tvm_patch.planner.turned import turned


def networks() -> list[Network]:
    return [legalize(data).describe()[1] for data in (one_of_each(), *(random_network(s) for s in range(12)))]


@pytest.fixture(scope="module")
def operators():
    return [op for network in networks() for op in network.operators]


def some_inputs(op, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(-128, 128, t.shape).astype(t.dtype) for t in op.operator.inputs]


def quarter(array):
    return np.swapaxes(array, 1, 2)


def test_a_turned_operator_makes_the_turned_output(operators):
    kinds = set()
    for op in operators:
        other = turned(op.operator, elementwise=op.elementwise)
        if other is None:
            continue
        given = some_inputs(op)
        (wanted,) = evaluate(op.operator, given)
        (made,) = evaluate(other, [quarter(x) for x in given])
        np.testing.assert_array_equal(quarter(made), wanted)
        assert made.shape == other.outputs[0].shape
        kinds.add(op.kind)
    assert kinds >= {"conv2d", "depthwise_conv2d", "max_pool2d", "add", "mul", "concat", "lookup"}


def test_what_depends_on_rows_and_columns_is_not_turned(operators):
    for op in operators:
        if op.kind in ("avg_pool2d", "resize_nearest", "resize_bilinear", "pad", "mean", "fully_connected"):
            assert turned(op.operator, elementwise=op.elementwise) is None


@pytest.mark.parametrize("channels", [1, 3, 4, 8])
def test_blocks_of_channels_make_the_output_together(operators, channels):
    kinds = set()
    for op in operators:
        if not (splits_channels(op) or makes_channels(op)):
            continue
        (given,) = some_inputs(op)
        (wanted,) = evaluate(op.operator, [given])
        parts = []
        for first in starts_of(op.operator, channels):
            part = of_channels(op.operator, first, channels)
            own = given if op.kind == "conv2d" else given[..., first : first + channels]
            parts += evaluate(part, [own])
        np.testing.assert_array_equal(np.concatenate(parts, axis=3), wanted)
        kinds.add(op.kind)
    assert kinds == {"conv2d", "depthwise_conv2d"}
