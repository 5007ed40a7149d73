"""extract_network: a legalized module as the planner's network, without TVM."""

from __future__ import annotations

from math import prod

from relay_passes.operators import PlainFunction, PlainOp, plain_function
from relay_passes.straight_line import MAIN
from tvm_patch.planner.network import Network, OperatorDesc, TensorDesc, Window
from tvm_patch.tvm_types import IRModule

_POOLS = frozenset({"avg_pool2d", "max_pool2d"})


def extract_network(module: IRModule, name: str = "network") -> Network:
    """Return ``main`` of a legalized module as a :class:`tvm_patch.planner.network.Network`.

    Parameters
    ----------
    module : tvm.IRModule
        After ``LegalizeQuantized``.
    name : str
        Name of the network.

    Raises
    ------
    UnsupportedError
        When a binding is neither dialect nor data movement.
    """
    return network_of(plain_function(module[MAIN]), name)


def network_of(function: PlainFunction, name: str) -> Network:
    """Return a plain function as a network; see :func:`extract_network`."""
    tensors = {key: TensorDesc(key, t.shape, t.dtype) for key, t in function.tensors.items()}
    operators = tuple(_describe(index, op, function) for index, op in enumerate(function.ops))
    return Network(name, tensors, operators, function.inputs, function.outputs)


def _describe(index: int, op: PlainOp, function: PlainFunction) -> OperatorDesc:
    return OperatorDesc(
        index,
        op.name,
        op.kind,
        op.inputs,
        op.outputs,
        window_of(op),
        macs_of(op, function),
        sum(int(c.nbytes) for c in op.constants.values()),
        attrs={k: v for k, v in op.attrs.items() if k in ("axis", "axes", "keepdims", "pad_width", "size")},
    )


def window_of(op: PlainOp) -> Window | None:
    """Return how `op` slides over its first input, or None when it does not."""
    if op.kind in ("conv2d", "depthwise_conv2d"):
        kernel = op.constants["weight"].shape[1:3]
        dilation = op.attrs["dilation"]
    elif op.kind in _POOLS:
        kernel, dilation = op.attrs["pool_size"], (1, 1)
    else:
        return None
    return Window(
        (int(kernel[0]), int(kernel[1])),
        tuple(op.attrs["strides"]),
        tuple(op.attrs["padding"]),
        (int(dilation[0]), int(dilation[1])),
    )


def macs_of(op: PlainOp, function: PlainFunction) -> int:
    """Return multiply-accumulates of `op`, padding counted as in every published figure."""
    weight = op.constants.get("weight")
    if weight is None:
        return 0
    output = prod(function.tensors[op.outputs[0]].shape)
    if op.kind == "conv2d":
        return output * prod(weight.shape[1:])
    if op.kind == "depthwise_conv2d":
        return output * prod(weight.shape[1:3])
    if op.kind == "fully_connected":
        return output * int(weight.shape[1])
    # A transposed convolution spreads every input element over the whole kernel.
    return prod(function.tensors[op.inputs[0]].shape) * prod(weight.shape[:3])
