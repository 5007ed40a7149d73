"""Taking a depthwise convolution's channels out of a tensor that others need whole, where that pays.

A depthwise convolution has its input's channels.  Where the input is kept for other readers, as a feature map is that
several heads of a detector read, channels that are constant or unread behind it could not go: a ``take`` of the others
in front of it lets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from relay_passes.channels.needed import Mask, needed_channels
from relay_passes.channels.ranges import Range, channels_of
from relay_passes.channels.reading import mixes, picks
from tvm_patch.graph import Graph, Operator, Tensor

TAKE_COST = 16
"""Multiply-accumulates that must be saved for each element that is taken: twice what copying it costs."""


def worth_gathering(graph: Graph, ranges: Mapping[str, Range], multiple: int) -> dict[str, str]:
    """Return the depthwise convolutions in front of which a ``take`` of channels pays, and the name for each take."""
    tied = needed_channels(graph, ranges, multiple)
    names = _free_names(graph)
    loose = needed_channels(with_takes(graph, names), ranges, multiple)
    costs = {op.name: _macs_a_channel(graph, op, loose) for op in graph.operators if op.name in names}
    inputs = {op.name: op.inputs[0] for op in graph.operators if op.name in names}
    made = {op.name: op.outputs[0].name for op in graph.operators if op.name in names}

    def pays(name: str) -> bool:
        lost = int(tied[made[name]].sum() - loose[made[name]].sum())
        taken = int(loose[names[name]].sum()) * _positions(inputs[name])
        return lost * costs[name] > TAKE_COST * taken

    found = {name: take for name, take in names.items() if pays(name)}
    while found:
        # Without the takes that do not pay more is needed than with all: a take of everything is of no use.
        masks = needed_channels(with_takes(graph, found), ranges, multiple)
        useful = {n: take for n, take in found.items() if masks[take].sum() < masks[inputs[n].name].sum()}
        if useful == found:
            break
        found = useful
    return found


def _free_names(graph: Graph) -> dict[str, str]:
    """Return the depthwise convolutions that read no ``take`` yet, each with a new name for one."""
    known = {t.name for t in graph.inputs} | {n for op in graph.operators for n in op.output_names}
    taken = {n for op in graph.operators if picks(op) for n in op.output_names}
    names = {}
    for op in graph.operators:
        if op.kind == "depthwise_conv2d" and op.inputs[0].name not in taken:
            name = f"{op.name}_channels"
            while name in known:
                name += "_"
            names[op.name] = name
            known.add(name)
    return names


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


def with_takes(graph: Graph, names: Mapping[str, str]) -> Graph:
    """Return the graph with a ``take`` of all channels, of that name, in front of some operators."""
    operators: list[Operator] = []
    for op in graph.operators:
        if op.name in names:
            read = op.inputs[0]
            taken = replace(read, name=names[op.name])
            indices = {"indices": np.arange(channels_of(read), dtype=np.int32)}
            attrs = {"axis": len(read.shape) - 1}
            operators.append(Operator("take", taken.name, (read,), (taken,), indices, attrs))
            operators.append(replace(op, inputs=(taken,)))
        else:
            operators.append(op)
    return replace(graph, operators=tuple(operators))
