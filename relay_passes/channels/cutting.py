"""Cutting channels out of one call of the integer dialect, or of one that moves data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tvm import relax

from relay_passes.channels.needed import Int64Array, Mask
from relay_passes.channels.ranges import channels_of
from relay_passes.channels.reading import filters_of, mixes, picks
from relay_passes.dialect import OPS, build_call
from relay_passes.straight_line import constant
from tvm_patch.graph import Operator
from tvm_patch.tvm_types import Expr


def cut(op: Operator, call: Expr, masks: Mapping[str, Mask], folded: Int64Array | None) -> Expr:
    """Return a call whose operands have lost channels as it has to be for its output to lose its own.

    Parameters
    ----------
    op : Operator
        As it was.
    call : relax.Call
        With its activations replaced.
    masks : mapping of str to ndarray of bool
        Which channels stay, by tensor.
    folded : ndarray of int64, shape (outputs, input channels), optional
        What the data's channels add to each sum, where they can be cut: goes into the bias for those that are.
    """
    made = masks[op.outputs[0].name]
    if op.kind == "reshape":
        return relax.op.reshape(call.args[0], [*op.outputs[0].shape[:-1], int(made.sum())])
    if picks(op):
        return take_channels(call.args[0], _indices(op, made, masks[op.inputs[0].name]))
    if op.kind not in OPS:
        return call
    constants, attrs = dict(op.constants), dict(op.attrs)
    if mixes(op):
        read = masks[op.inputs[0].name]
        constants["weight"] = _filters(op, made, read)
        if folded is not None:
            bias = constants["bias"].astype(np.int64) + folded[:, ~read].sum(axis=1)
            constants["bias"] = bias.astype(np.int32)
    elif op.kind == "depthwise_conv2d":
        constants["weight"] = constants["weight"][..., made]
    elif op.kind == "pad":
        attrs["pad_width"] = _pad_width(op, made)
    for name, value in constants.items():
        if name not in ("weight", "table") and value.ndim and value.shape[-1] == made.size:
            constants[name] = value[..., made]
    if "output_shape" in attrs:
        attrs["output_shape"] = [*attrs["output_shape"][:-1], int(made.sum())]
    arguments: list[Any] = [
        constant(constants[name]) if name in constants else argument
        for name, argument in zip(OPS[op.kind].arguments, call.args, strict=True)
    ]
    return build_call(op.kind, arguments, **attrs)


def _filters(op: Operator, made: Mask, read: Mask) -> np.ndarray:
    """Return the weights of the outputs that are made for the inputs that are left, in their layout."""
    weight = op.constants["weight"]
    left = filters_of(op)[made][..., read].astype(weight.dtype)
    return left.reshape(int(made.sum()), *weight.shape[1:-1], -1)


def take_channels(data: Expr, indices: np.ndarray) -> Expr:
    """Return a stock ``take`` of some channels."""
    return relax.op.take(data, constant(indices.astype(np.int32)), axis=len(data.ty.shape) - 1)


def _indices(op: Operator, made: Mask, read: Mask) -> np.ndarray:
    """Return where the channels that are made are among those that are left."""
    left = np.cumsum(read) - 1
    return np.asarray(left[op.constants["indices"] % read.size][made])


def _pad_width(op: Operator, made: Mask) -> list[int]:
    *width, before, _ = (int(w) for w in op.attrs["pad_width"])
    inside = before + channels_of(op.inputs[0])
    return [*width, int(made[:before].sum()), int(made[inside:].sum())]
