"""PruneChannels: channels that are constant, or that nobody reads, leave the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import tvm
from tvm import relax

from relay_passes.channels.cutting import cut, take_channels
from relay_passes.channels.gathering import with_takes, worth_gathering
from relay_passes.channels.needed import folded, needed_channels
from relay_passes.channels.ranges import channels_of, ranges_of
from relay_passes.channels.reading import mixes
from relay_passes.extract_graph import extract_graph
from relay_passes.rewriting import rewrite
from relay_passes.straight_line import MAIN, StraightLine, replace_main, shape_of
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var

PRUNED = "tvm_patch.pruned"
"""Attribute of ``main``, JSON: ``{tensor: [channels before, channels left]}`` for every tensor that lost some."""

MULTIPLE = 2
"""Dense loops make output channels in pairs: an odd number costs more than the channel saves."""


@tvm.ir.transform.module_pass(opt_level=0, name="PruneChannels")
class PruneChannels:
    """Remove constant and unread channels from a network in the integer dialect; its outputs stay the same bits.

    A channel is constant when the ranges of :mod:`relay_passes.channels.ranges` prove one value at every position for
    every input: filters of zeros, clamps that saturate, and what follows from them.  What it adds to the sums of its
    readers goes into their biases.  A channel is unread when every filter that is needed has only zeros for it.
    Operators that work channel by channel (depthwise, additions, pools, ...) lose a channel on both sides or not at
    all, concatenations lose those of their parts.

    What is not touched: inputs and outputs of the network; constant channels under padding that is another value, whose
    effect depends on the position; tensors around operators of which nothing is known (softmax over channels, splits
    and slices of channels, grouped convolutions).  Every tensor keeps a channel at least.  Multipliers, zero points,
    the names of tensors and the order of operators stay, so results are the same by construction.

    What was removed is kept in the attribute :data:`PRUNED` of ``main``.

    Parameters
    ----------
    multiple : int
        Number of channels of which a layer that loses some keeps a multiple.
    """

    def __init__(self, multiple: int = MULTIPLE) -> None:
        if multiple < 1:
            raise ValueError(f"multiple must be at least 1, got {multiple}")
        self.multiple = multiple

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module without those channels.

        Raises
        ------
        UnsupportedError
            When it is not in the integer dialect.
        """
        graph = extract_graph(module)
        ranges = ranges_of(graph)
        line = StraightLine.main_of(module)
        taken = worth_gathering(graph, ranges, self.multiple)
        if taken:
            line = _with_takes(line, taken)
            graph = with_takes(graph, taken)
            ranges = ranges_of(graph)
        masks = needed_channels(graph, ranges, self.multiple)
        lost = {
            t.name: [channels_of(t), int(masks[t.name].sum())]
            for op in graph.operators
            for t in op.outputs
            if not masks[t.name].all()
        }
        if not lost:
            return module
        operators = {op.name: op for op in graph.operators}

        def change(var: Var, value: Expr, new: dict[Var, Expr]) -> Expr | None:
            op = operators.get(str(var.name))
            if op is None or not isinstance(value, relax.Call):
                return None
            if all(masks[t.name].all() for t in (*op.inputs, *op.outputs)):
                return None
            return cut(op, value, masks, folded(op, ranges) if mixes(op) else None)

        known = pruned_channels(module)
        line.attrs[PRUNED] = json.dumps(
            known | {n: [known.get(n, counts)[0], counts[1]] for n, counts in lost.items()}
        )
        return replace_main(module, rewrite(line, change))


def pruned_channels(module: IRModule) -> dict[str, tuple[int, int]]:
    """Return how many channels tensors had that lost some, and how many are left, by name."""
    recorded = json.loads(str((module[MAIN].attrs or {}).get(PRUNED, "{}")))
    return {name: (before, left) for name, (before, left) in recorded.items()}


def _with_takes(line: StraightLine, names: Mapping[str, str]) -> StraightLine:
    """Return the function with a take of all channels in front of some operators; see :func:`with_takes`."""
    bindings: list[tuple[Var, Expr]] = []
    for var, value in line.bindings:
        if str(var.name) in names:
            data = value.args[0]
            taken = relax.DataflowVar(names[str(var.name)], data.ty)
            bindings.append((taken, take_channels(data, np.arange(shape_of(data)[-1]))))
            bindings.append((var, relax.Call(value.op, [taken, *value.args[1:]], value.attrs)))
        else:
            bindings.append((var, value))
    return replace(line, bindings=bindings)
