"""Blocks of channels laid out: in place, with what makes them, and what is refused."""

from __future__ import annotations

import pytest

from tests.plans.networks import one_of_each
from tvm_patch.driver.front import legalize
from tvm_patch.errors import PlanError
from tvm_patch.planner.layout.channels import layout_channels, makes_channels, splits_channels
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import segment_of


@pytest.fixture(scope="module")
def network() -> Network:
    return legalize(one_of_each()).describe()[1]


def depthwise(network: Network, *, same: bool) -> int:
    """Return a depthwise convolution behind a 1×1 convolution, whose output is as large as its input or not."""
    for op in network.operators[1:]:
        read, made = op.operator.inputs[0], op.operator.outputs[0]
        behind = makes_channels(network.operators[op.index - 1])
        if splits_channels(op) and behind and (read.shape == made.shape) == same:
            return op.index
    raise AssertionError("there is none")


def test_the_output_may_lie_where_the_input_lay(network):
    index = depthwise(network, same=True)
    op = network.operators[index]
    layout = layout_channels(network, [index], 4)
    window = op.rows[0]
    _, height, width, channels = op.operator.inputs[0].shape
    assert layout.takes_over
    assert layout.input_distance == {op.inputs[0]: None}
    assert (layout.lines, layout.columns) == (
        height - 1 + window.reach,
        width + window.columns_before + window.columns_after,
    )
    assert layout.window_bytes == layout.lines * layout.columns * 4
    assert len(layout.blocks[0]) == -(-channels // 4)


def test_what_makes_the_blocks_is_never_whole(network):
    index = depthwise(network, same=True)
    layout = layout_channels(network, [index - 1, index], 4)
    assert layout.sources == network.operators[index - 1].inputs
    assert network.operators[index].inputs[0] not in (*layout.sources, *layout.stored)
    assert not layout.takes_over
    assert layout.macs_executed(network) == sum(network.operators[i].macs for i in (index - 1, index))


def test_refusals(network):
    index = depthwise(network, same=True)
    channels = network.operators[index].operator.outputs[0].shape[3]
    with pytest.raises(PlanError, match="cannot run block by block"):
        layout_channels(network, [index - 1], 4)
    with pytest.raises(PlanError, match=f"blocks of {channels + 1} channels do not fit"):
        layout_channels(network, [index], channels + 1)
    with pytest.raises(PlanError, match="with nothing but a 1×1 convolution"):
        layout_channels(network, [index - 2, index], 4)
    with pytest.raises(PlanError, match="is fetched row by row"):
        segment_of([index], channels=4).lay_out(network, (), network.operators[index].inputs)
    with pytest.raises(PlanError, match="is needed later"):
        segment_of([index - 1, index], channels=4).lay_out(network, network.operators[index - 1].outputs)


def test_the_output_lies_exactly_where_the_input_lay_or_apart(network):
    """A block is written when it was read, but others are still to come: half over the input it would destroy them."""
    index = depthwise(network, same=True)
    op = network.operators[index]
    segments = [segment_of([i]) for i in range(len(network.operators))]
    segments[index] = segment_of([index], channels=4)
    placed = Schedule.of(network, segments).placement.tensors
    size = network.tensors[op.outputs[0]].nbytes
    assert (
        placed[op.inputs[0]] == placed[op.outputs[0]]
        or abs(placed[op.inputs[0]] - placed[op.outputs[0]]) >= size
    )
    dies = [r.index for r in network.consumers(op.inputs[0])] == [index]
    assert (placed[op.inputs[0]] == placed[op.outputs[0]]) == dies
