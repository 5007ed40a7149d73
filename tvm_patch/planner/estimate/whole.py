"""Pieces of code of operators that need whole tensors; see :mod:`tvm_patch.planner.estimate.terms`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from tvm_patch.planner.estimate.terms import Pieces, copied, dot, joined, shapes
from tvm_patch.planner.network import Network, OperatorDesc


def whole_terms(network: Network, op: OperatorDesc) -> Pieces:
    """Return the pieces of an operator that needs whole tensors."""
    return _WHOLE.get(op.kind, _whole_other)(network, op)


def _sizes(network: Network, op: OperatorDesc) -> tuple[int, int]:
    """Return the elements of all inputs and of all outputs."""
    return sum(network.tensors[t].size for t in op.inputs), sum(network.tensors[t].size for t in op.outputs)


def _whole_other(network: Network, op: OperatorDesc) -> Pieces:
    _, written = _sizes(network, op)
    return {"other.call": 1, "other.element": written, "other.mac": op.macs}


def _whole_fully_connected(network: Network, op: OperatorDesc) -> Pieces:
    data, _ = _sizes(network, op)
    outputs = network.tensors[op.outputs[0]].shape[-1]
    rows = max(1, network.tensors[op.outputs[0]].size // max(1, outputs))
    return {
        "fully_connected.call": 1,
        **dot("fully_connected", -(-outputs // 4) * rows, 1, data // rows, 2, 1),
    }


def _whole_arithmetic(network: Network, op: OperatorDesc) -> Pieces:
    name = "mul" if op.kind == "mul" else "add"
    return {f"{name}.call": 1, f"{name}.word": _sizes(network, op)[1] / 4}


def _whole_lookup(network: Network, op: OperatorDesc) -> Pieces:
    return {"lookup.call": 1, "lookup.element": _sizes(network, op)[1]}


def _whole_mean(network: Network, op: OperatorDesc) -> Pieces:
    read, written = _sizes(network, op)
    return {"mean.call": 1, "mean.read": read, "mean.element": written}


def _whole_softmax(network: Network, op: OperatorDesc) -> Pieces:
    tensor = network.tensors[op.outputs[0]]
    rows = tensor.size // max(1, tensor.shape[-1])
    return {"softmax.call": 1, "softmax.row": rows, "softmax.element": tensor.size}


def _whole_concat(network: Network, op: OperatorDesc) -> Pieces:
    parts = [network.tensors[t].shape for t in op.inputs]
    axis = int(op.attrs.get("axis", 0)) % max(1, len(parts[0]))
    return joined(copied(op.kind, prod(shape[:axis]), prod(shape[axis:])) for shape in parts)


def _whole_pad(network: Network, op: OperatorDesc) -> Pieces:
    data, out = shapes(network, op)
    widths = [int(w) for w in op.attrs.get("pad_width", ())]
    # Behind the last padded axis everything moves as one run.
    last = max((i // 2 for i, width in enumerate(widths) if width), default=0)
    edges = prod(out[last:]) - prod(data[last:])
    inner = joined((copied(op.kind, 1, prod(data[last:])), copied(op.kind, 2, edges // 2)))
    rows = prod(data[:last])
    outside = prod(out) - rows * prod(out[last:])
    return joined(({name: count * rows for name, count in inner.items()}, copied(op.kind, 1, outside)))


def _whole_resize_nearest(network: Network, op: OperatorDesc) -> Pieces:
    shape = network.tensors[op.outputs[0]].shape
    return copied(op.kind, prod(shape[:-1]), shape[-1])


def _whole_pool(network: Network, op: OperatorDesc) -> Pieces:
    written = _sizes(network, op)[1]
    taps = prod(op.window.kernel) if op.window else 1
    return {"whole_pool.element": written, "whole_pool.tap": written * taps}


def _whole_resize_bilinear(network: Network, op: OperatorDesc) -> Pieces:
    tensor = network.tensors[op.outputs[0]]
    pixels = tensor.size // max(1, tensor.shape[-1])
    return {"resize_bilinear.column": pixels, "resize_bilinear.element": tensor.size}


def _whole_nothing(network: Network, op: OperatorDesc) -> Pieces:
    """Return no pieces: input and output share their memory."""
    return {}


_WHOLE: dict[str, Callable[[Network, OperatorDesc], Pieces]] = {
    "fully_connected": _whole_fully_connected,
    "add": _whole_arithmetic,
    "sub": _whole_arithmetic,
    "mul": _whole_arithmetic,
    "lookup": _whole_lookup,
    "mean": _whole_mean,
    "softmax": _whole_softmax,
    "concat": _whole_concat,
    "pad": _whole_pad,
    "avg_pool2d": _whole_pool,
    "max_pool2d": _whole_pool,
    "resize_nearest": _whole_resize_nearest,
    "resize_bilinear": _whole_resize_bilinear,
    "reshape": _whole_nothing,
}
"""By kind, for operators that need whole tensors."""
