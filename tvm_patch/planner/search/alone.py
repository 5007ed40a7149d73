"""Moves that run one operator by itself, or a depthwise convolution in blocks of channels with what makes its input."""

from __future__ import annotations

from collections.abc import Iterator

from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import channel_pieces, cycles_of_pieces, whole_cost
from tvm_patch.planner.layout.channels import layout_channels, splits_channels
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.network import OperatorDesc
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.prices import Prices
from tvm_patch.planner.segments import ChannelSegment, Segment

_CHANNELS = (8, 32)
"""Channels of a block that are tried."""


def whole(prices: Prices, op: OperatorDesc) -> Move:
    """Return the move of an operator that needs whole tensors."""
    cuts, cut = prices.cuts, op.index
    single = len(op.outputs) == 1
    distances = {
        t: d
        for t, d in zip(op.inputs, op.in_place, strict=bool(op.in_place))
        if single and d is not None and op.inputs.count(t) == 1 and cuts.dies_before(t, cut + 1)
    }
    peak = cuts.alive[cut] + cuts.new_bytes(op.outputs, cut) + aligned(op.scratch_bytes)
    peak -= cuts.saved(distances, op.outputs[0])
    cost = round(whole_cost(prices.network, op))
    return Move(cut, cut + 1, peak, op.macs, cost, (Segment((op.index,)),))


def in_blocks(prices: Prices, operators: tuple[int, ...]) -> Iterator[Move]:
    """Yield the ways to run a depthwise convolution, perhaps with what makes its input, in blocks of channels."""
    network, cuts, (start, end) = prices.network, prices.cuts, (operators[0], operators[-1] + 1)
    ops = [network.operators[i] for i in operators]
    shapes, read = network.shapes, set(ops[0].inputs)
    if shapes is None or not splits_channels(ops[-1]) or read & prices.fetched:
        return

    def first_of(index: int, channels: int) -> tuple[OperatorDesc, ...]:
        found = None if shapes is None else shapes.block(index, channels)
        return () if found is None else (found,)

    for channels in _CHANNELS:
        if 2 * channels > ops[-1].operator.outputs[0].shape[3]:
            return
        try:
            layout = layout_channels(network, operators, channels, first_of)
        except PlanError:
            return
        peak = cuts.alive[start] + cuts.new_bytes(layout.stored, start) + layout.scratch_bytes
        if layout.takes_over and cuts.dies_before(layout.sources[0], end):
            peak -= cuts.saved({layout.sources[0]: 0}, layout.stored[0])
        cycles = cycles_of_pieces(channel_pieces(network, ops, channels), network.target.costs)
        segment = ChannelSegment(operators, channels=channels)
        yield Move(start, end, peak, sum(op.macs for op in ops), round(cycles), (segment,), layout)
