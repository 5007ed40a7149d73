"""Which channels of a network must stay for its outputs to be what they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from relay_passes.channels.ranges import Range, channels_of
from relay_passes.channels.reading import NOTHING, IndexArray, channel_maps, filters_of, mixes, picks
from tvm_patch.graph import Graph, Operator
from tvm_patch.integer.requantize import INT32_MAX

Mask = npt.NDArray[np.bool_]
Int64Array = npt.NDArray[np.int64]


def needed_channels(graph: Graph, ranges: Mapping[str, Range], multiple: int = 1) -> dict[str, Mask]:
    """Return for every tensor by name which of its channels must stay.

    Inputs and outputs of the network stay whole.  A channel inside stays where an operator that mixes channels has
    weights for it, unless it is constant and :func:`folded` can say what it adds; an operator that works channel by
    channel has the same channels on both sides.  The least set with these properties is found by growing it.

    Parameters
    ----------
    graph : Graph
    ranges : mapping of str to Range
        Of :func:`relay_passes.channels.ranges.ranges_of`.
    multiple : int
        Where an operator whose channels are free loses some, it keeps a multiple of this, or all.
    """
    return _Growth(graph, ranges, multiple).run()


def folded(op: Operator, ranges: Mapping[str, Range]) -> Int64Array:
    """Return what each constant channel of the data adds to each sum of an operator that mixes channels.

    Returns
    -------
    ndarray of int64, shape (outputs, input channels)
        0 for channels that :func:`foldable` does not name.
    """
    data = ranges[op.inputs[0].name]
    value = np.where(foldable(op, ranges), data.low - int(op.attrs["input_zero_point"]), 0)
    sums: Int64Array = filters_of(op).sum(axis=1) * value
    return sums


def foldable(op: Operator, ranges: Mapping[str, Range]) -> Mask:
    """Return which channels of the data add the same to a filter's sum at every position.

    They are constant.  Where an output may see fewer of them than another, beyond a border that is padded or between
    the steps of a transposed convolution, they must be the zero point, which adds nothing.
    """
    data = ranges.get(op.inputs[0].name)
    if data is None:
        return np.zeros(channels_of(op.inputs[0]), bool)
    everywhere = op.kind == "fully_connected" or (op.kind == "conv2d" and not any(op.attrs["padding"]))
    there: Mask = data.constant & (everywhere | (data.low == int(op.attrs["input_zero_point"])))
    return there


class _Growth:
    def __init__(self, graph: Graph, ranges: Mapping[str, Range], multiple: int) -> None:
        self.graph, self.multiple = graph, multiple
        tensors = [*graph.inputs, *(t for op in graph.operators for t in op.outputs)]
        self.masks: dict[str, Mask] = {t.name: np.zeros(channels_of(t), bool) for t in tensors}
        self.maps: dict[str, list[IndexArray]] = {}
        self.weighed: dict[str, Mask] = {}
        """By operator that mixes channels: (outputs, inputs), which outputs need which inputs."""
        self.whole = {t.name for t in (*graph.inputs, *graph.outputs)}
        for op in graph.operators:
            maps = None if mixes(op) else channel_maps(op)
            if maps is not None:
                self.maps[op.name] = maps
                self._keep_single_operands(op, maps)
            elif mixes(op):
                self.weighed[op.name] = filters_of(op).any(axis=1) & ~self._absorbed(op, ranges)
            else:
                self.whole |= {t.name for t in (*op.inputs, *op.outputs)}

    def _keep_single_operands(self, op: Operator, maps: list[IndexArray]) -> None:
        for tensor, index in zip(op.inputs, maps, strict=True):
            if (index == NOTHING).all():
                self.whole.add(tensor.name)

    def _absorbed(self, op: Operator, ranges: Mapping[str, Range]) -> Mask:
        """Return which channels a bias can stand for, all of them or none: it is an int32."""
        bias = np.abs(op.constants["bias"].astype(np.int64))
        fits = (bias + np.abs(folded(op, ranges)).sum(axis=1)).max(initial=0) <= INT32_MAX
        return foldable(op, ranges) & bool(fits)

    def run(self) -> dict[str, Mask]:
        for name in self.whole:
            self.masks[name][:] = True
        while True:
            self._grow()
            if not self._round_up():
                return self.masks

    def _grow(self) -> None:
        """Let every operator ask for what it needs until none asks for more."""
        before = -1
        while before != (kept := sum(int(m.sum()) for m in self.masks.values())):
            before = kept
            for op in reversed(self.graph.operators):
                self._ask(op)

    def _ask(self, op: Operator) -> None:
        made = self.masks[op.outputs[0].name]
        if op.name in self.weighed:
            self.masks[op.inputs[0].name] |= self.weighed[op.name][made].any(axis=0)
        for tensor, index in zip(op.inputs, self.maps.get(op.name, ()), strict=False):
            read, there = self.masks[tensor.name], index != NOTHING
            read[index[there & made]] = True
            if not picks(op):
                made[there] |= read[index[there]]

    def _round_up(self) -> bool:
        """Keep more channels where there are none, or not a whole multiple; tell whether any."""
        more = False
        for mask in self.masks.values():
            if mask.size and not mask.any():
                mask[0] = more = True
        for op in self.graph.operators:
            mask = self.masks[op.outputs[0].name]
            missing = -int(mask.sum()) % self.multiple
            free = op.name in self.weighed or (op.name in self.maps and picks(op))
            if free and missing and not mask.all():
                mask[np.flatnonzero(~mask)[:missing]] = more = True
        return more
