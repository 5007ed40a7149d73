"""Taking a depthwise convolution's channels out of a tensor that others need whole, where that pays.

A depthwise convolution has its input's channels.  Where the input is kept for other readers, as a feature map is that
several heads of a detector read, channels that are constant or unread behind it could not go: a ``take`` of the others
in front of it lets them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from relay_passes.channels.needed import Mask, needed_channels
from relay_passes.channels.ranges import Range, channels_of
from relay_passes.channels.reading import mixes
from tvm_patch.graph import Graph, Operator, Tensor

TAKE_COST = 16
"""Multiply-accumulates that must be saved for each element that is taken: twice what copying it costs."""


def worth_gathering(graph: Graph, ranges: Mapping[str, Range], multiple: int) -> list[str]:
    """Return the depthwise convolutions in front of which a ``take`` of channels pays, by name."""
    tied = needed_channels(graph, ranges, multiple)
    depthwise = [op for op in graph.operators if op.kind == "depthwise_conv2d"]
    loose = needed_channels(with_takes(graph, [op.name for op in depthwise]), ranges, multiple)
    found = [op for op in depthwise if _pays(graph, op, tied, loose)]
    while found:
        # Without the takes that do not pay more may be needed than was supposed: a take of everything is of no use.
        names = [op.name for op in found]
        masks = needed_channels(with_takes(graph, names), ranges, multiple)
        useful = [op for op in found if masks[taken_name(op.name)].sum() < masks[op.inputs[0].name].sum()]
        if useful == found:
            return names
        found = useful
    return []


def _pays(graph: Graph, op: Operator, tied: Mapping[str, Mask], loose: Mapping[str, Mask]) -> bool:
    """Tell whether a take pays, from what is needed without takes and with one in front of every operator."""
    taken, made = loose[taken_name(op.name)], op.outputs[0].name
    lost = int(tied[made].sum() - loose[made].sum())
    if not lost or taken.sum() == loose[op.inputs[0].name].sum():
        return False
    return lost * _macs_a_channel(graph, op, loose) > TAKE_COST * int(taken.sum()) * _positions(op.inputs[0])


def _positions(tensor: Tensor) -> int:
    return prod(tensor.shape[:-1])


def _macs_a_channel(graph: Graph, op: Operator, masks: Mapping[str, Mask]) -> int:
    """Return the multiply-accumulates that a channel of a depthwise convolution costs, with those of its readers."""
    made = op.outputs[0]
    total = prod(op.constants["weight"].shape[1:3]) * _positions(made)
    for reader in graph.operators:
        if made in reader.inputs and mixes(reader):
            taps = prod(reader.constants["weight"].shape[1:-1])
            total += taps * _positions(reader.outputs[0]) * int(masks[reader.outputs[0].name].sum())
    return total


def taken_name(operator: str) -> str:
    """Return the name of the ``take`` in front of an operator, and of what it makes."""
    return f"{operator}_channels"


def with_takes(graph: Graph, names: Collection[str]) -> Graph:
    """Return the graph with a ``take`` of all channels in front of some operators."""
    operators: list[Operator] = []
    for op in graph.operators:
        if op.name in names:
            read = op.inputs[0]
            taken = replace(read, name=taken_name(op.name))
            indices = {"indices": np.arange(channels_of(read), dtype=np.int32)}
            attrs = {"axis": len(read.shape) - 1}
            operators.append(Operator("take", taken.name, (read,), (taken,), indices, attrs))
            operators.append(replace(op, inputs=(taken,)))
        else:
            operators.append(op)
    return replace(graph, operators=tuple(operators))
