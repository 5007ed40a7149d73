"""What the planner asks of operators, from their shapes alone.

A kernel is chosen by shapes and by how its outputs are rescaled.  The numbers of a network that is not trained yet are
not known; here every operator has weights and biases of zero, which every kernel takes.  A trained network may have a
layer whose rescaling needs another kernel, with other scratch, and channels that turn out constant, which the compiler
leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from tvm_patch.graph import Graph, Operator, Tensor
from tvm_patch.kernels import kernel_for
from tvm_patch.kernels.describe import KernelShapes, describe_operator
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.layers import INPUT, Layer, Wired, layers_of
from tvm_patch.planner.channel_blocks import of_channels, starts_of
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.turned import turned
from tvm_patch.targets import Target

_HALF = 1 << 30
"""A multiplier of one half."""
_CLAMPED = {"act_min": -128, "act_max": 127}
_ACTIVATION = {"output_zero_point": 0, **_CLAMPED}
_RESCALED = {"input_zero_point": 0, **_ACTIVATION}
_ATTRS: Mapping[str, Mapping[str, Any]] = {
    "add": {
        "lhs_zero_point": 0, "rhs_zero_point": 0, **_ACTIVATION, "left_shift": 20,
        "lhs_multiplier": _HALF, "lhs_shift": 0, "rhs_multiplier": _HALF, "rhs_shift": 0,
        "output_multiplier": _HALF, "output_shift": -19,
    },
    "mul": {"lhs_zero_point": 0, "rhs_zero_point": 0, **_ACTIVATION, "multiplier": _HALF, "shift": -7},
    "lookup": {"origin": "logistic", "dtype": "int8"},
    "softmax": {"multiplier": _HALF, "shift": 20, "diff_min": -1984},
}  # fmt: skip
_DIALECT = {"logistic": "lookup", "global_mean": "mean"}
"""Kinds that the integer dialect has another name for."""


def network_of(architecture: Architecture, target: Target, name: str = "searched") -> Network:
    """Return an architecture as the planner's network.

    Parameters
    ----------
    architecture : Architecture
    target : Target
        Whose kernels it is described by.
    name : str
        Of the network.
    """
    return network_of_layers(name, layers_of(architecture), target)


def network_of_layers(name: str, layers: Sequence[Wired], target: Target) -> Network:
    """Return layers, or the first of them, as the planner's network.

    Parameters
    ----------
    name : str
        Of the network.
    layers : sequence of Wired
        In run order; the first reads the picture, the last makes the output.
    target : Target
        Whose kernels they are described by.
    """
    tensors = {INPUT: Tensor("input", _shape(layers[0].layer.size, layers[0].layer.inputs))}
    operators = []
    for index, (layer, reads) in enumerate(layers):
        known = describe_layer(layer, target)
        tensors[index] = Tensor(f"{layer.kind}_{index}", _shape(layer.out_size, layer.outputs))
        operator = replace(
            known.operator,
            name=tensors[index].name,
            inputs=tuple(tensors[i] for i in reads),
            outputs=(tensors[index],),
        )
        operators.append(replace(known, index=index, operator=operator))
    graph = Graph(tuple(op.operator for op in operators), (tensors[INPUT],), (tensors[len(operators) - 1],))
    return Network(
        name, graph, tuple(operators), target, _LayerShapes([layer for layer, _ in layers], operators, target)
    )


@lru_cache(maxsize=1 << 17)
def _turns(layer: Layer, target: Target) -> bool:
    op = describe_layer(layer, target)
    return bool(op.rows) and op.bandable and turned(op.operator, elementwise=op.elementwise) is not None


@lru_cache(maxsize=1 << 17)
def _tiled_scratch(layer: Layer, target: Target, columns: int) -> int:
    alone = KernelShapes([describe_layer(layer, target)], target)
    return alone.tiled(0, columns).scratch_bytes


class _LayerShapes(KernelShapes):
    """Layers in other shapes, which are layers too: what a layer gets is found once for all networks.

    Parameters
    ----------
    layers : sequence of Layer
    operators : sequence of OperatorDesc
        The same, described.
    target : Target
        What they run on.
    """

    def __init__(self, layers: Sequence[Layer], operators: Sequence[OperatorDesc], target: Target) -> None:
        super().__init__(operators, target)
        self._layers = layers

    def turned(self, index: int) -> OperatorDesc | None:
        """Return a layer turned by a quarter, None where it cannot be: one that has rows is its own mirror image."""
        return self._operators[index] if _turns(self._layers[index], self._target) else None

    def tiled(self, index: int, columns: int) -> OperatorDesc:
        """Return a layer with what scratch pays where it makes so many columns at once."""
        scratch = _tiled_scratch(self._layers[index], self._target, columns)
        return replace(self._operators[index], scratch_bytes=scratch)

    def block(self, index: int, channels: int) -> OperatorDesc | None:
        """Return a layer on its first so many channels, None where it cannot be cut."""
        return self._of_channels(index, 0, channels)

    def blocks(self, index: int, channels: int) -> tuple[OperatorDesc, ...]:
        """Return a layer on so many channels after the other; nothing where it cannot be cut."""
        starts = starts_of(self._operators[index].operator, channels)
        cut = [self._of_channels(index, start, channels) for start in starts]
        found = tuple(desc for desc in cut if desc is not None)
        return found if len(found) == len(cut) else ()

    def _of_channels(self, index: int, start: int, channels: int) -> OperatorDesc | None:
        op = of_channels(self._operators[index].operator, start, channels)
        read, made = op.inputs[0].shape[3], op.outputs[0].shape[3]
        known = describe_layer(self._layers[index]._replace(inputs=read, outputs=made), self._target)
        return replace(known, index=index, operator=op) if known.rows and known.bandable else None


def describe_layer(layer: Layer, target: Target) -> OperatorDesc:
    """Return a layer described by the kernel that its shape gets, at place 0 of a network of its own."""
    return _known(layer, target)[0]


def constant_bytes(layer: Layer, target: Target) -> int:
    """Return the bytes of a layer's constants in flash, packed as its kernel wants them: weights, rescaling, tables.

    A trained network may need others where its numbers do: a classifier of one class takes 3 bytes more where its
    scale needs 53 bits, and one whose classes are not fours takes up to two classes' weights less where a tuning
    database says that pairs of them are faster (``prefer="size"`` asks none).  Tables that happen to be equal are
    stored once.
    """
    return _known(layer, target)[1]


@lru_cache(maxsize=1 << 17)
def _known(layer: Layer, target: Target) -> tuple[OperatorDesc, int]:
    operator = _operator(layer)
    kernel = kernel_for(operator, target)
    described = describe_operator(OperatorDesc(0, operator), kernel, target)
    return described, sum(array.nbytes for array in kernel.constants.values())


def _shape(size: int, channels: int) -> tuple[int, ...]:
    return (1, size, size, channels) if size else (1, channels)


def _operator(layer: Layer) -> Operator:
    kind = _DIALECT.get(layer.kind, layer.kind)
    read = [Tensor("x", _shape(layer.size, layer.inputs))]
    if kind == "mul":
        read.append(Tensor("factor", (1, 1, 1, layer.inputs)))
    if kind == "add":
        read.append(Tensor("y", read[0].shape))
    made = Tensor("out", _shape(layer.out_size, layer.outputs))
    return Operator(kind, layer.kind, tuple(read), (made,), _constants(kind, layer), _attrs(kind, layer))


def _constants(kind: str, layer: Layer) -> dict[str, np.ndarray]:
    shapes = {
        "conv2d": (layer.outputs, layer.kernel, layer.kernel, layer.inputs),
        "depthwise_conv2d": (1, layer.kernel, layer.kernel, layer.outputs),
        "fully_connected": (layer.outputs, layer.inputs),
    }
    if kind == "lookup":
        return {"table": np.zeros(256, np.int8)}
    if kind not in shapes:
        return {}
    zeros = np.zeros(layer.outputs, np.int32)
    # All weights are one zero in memory.
    weight = np.broadcast_to(np.int8(0), shapes[kind])
    # As the passes leave them: a fully connected layer's multipliers have 64 bits.
    multiplier = np.full(layer.outputs, _HALF, np.int64 if kind == "fully_connected" else np.int32)
    return {"weight": weight, "bias": zeros, "multiplier": multiplier, "shift": zeros - 8}


def _attrs(kind: str, layer: Layer) -> Mapping[str, Any]:
    if kind == "fully_connected":
        return {"output_shape": [1, layer.outputs], **_RESCALED}
    if kind == "avg_pool2d":
        return {"pool_size": [layer.size] * 2, "strides": [layer.size] * 2, "padding": [0] * 4, **_CLAMPED}
    if kind == "mean":
        keeps = int(layer.kind == "mean")
        pair = {"input_zero_point": 0, "output_zero_point": 0, "multiplier": _HALF, "shift": -3}
        return {"axes": [1, 2], "keepdims": keeps, **pair, "formula": "folded"}
    if kind not in ("conv2d", "depthwise_conv2d"):
        return _ATTRS[kind]
    before = after = layer.kernel // 2
    if not layer.symmetric:  # TFLite's SAME
        padding = max(0, (layer.out_size - 1) * layer.stride + layer.kernel - layer.size)
        before, after = padding // 2, padding - padding // 2
    steps = {"strides": [layer.stride] * 2, "dilation": [1, 1]}
    return {**steps, "padding": [before, before, after, after], **_RESCALED}
