"""A TFLite network as the calls that peers' kernels want: padding folded into windows, numbers ready to print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from tvm_patch.errors import UnsupportedError
from tvm_patch.integer.params import activation_range, add_attrs, softmax_attrs
from tvm_patch.integer.requantize import quantize_multiplier
from tvm_patch.tflite.model import Model, Operator, Tensor

Kind = Literal["conv", "depthwise", "dense", "average", "add", "softmax"]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Layer:
    """One call of a kernel.

    Attributes
    ----------
    kind : str
    inputs : tuple of int
        Numbers of the activations it reads.
    output : int
        Number of the one that it writes.
    input_shape, output_shape : tuple of int
        Height, width, channels.
    window, stride, pad : tuple of int
        Height and width of the window, its steps, and rows above and columns to the left of the input.
    weights, bias : ndarray or None
        int8 as in the file, (outputs, height, width, inputs) or (1, height, width, channels); int32 (outputs,).
    multipliers, shifts : tuple of int
        TFLite's fixed-point pairs, one an output channel; one alone for ``dense``.
    input_zero, output_zero : int
    clip : tuple of int
    numbers : dict of str to int
        Of ``add`` and ``softmax``, as the dialect names them.
    """

    kind: Kind
    inputs: tuple[int, ...]
    output: int
    input_shape: Shape
    output_shape: Shape
    window: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    multipliers: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()
    input_zero: int = 0
    output_zero: int = 0
    clip: tuple[int, int] = (-128, 127)
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """Layers in order.

    Attributes
    ----------
    layers : list of Layer
    sizes : dict of int to int
        Bytes of every activation by its number.
    input, output : int
        Numbers of the network's own.
    """

    layers: list[Layer]
    sizes: dict[int, int]
    input: int
    output: int

    def offsets(self, align: int = 16) -> tuple[dict[int, int], int]:
        """Return where each activation lies in one buffer, first fit by time, and the buffer's bytes."""
        lives = {self.input: (-1, -1), self.output: (len(self.layers), len(self.layers))}
        for at, layer in enumerate(self.layers):
            for number in (*layer.inputs, layer.output):
                first, last = lives.get(number, (at, at))
                lives[number] = (min(first, at), max(last, at))
        placed: dict[int, int] = {}
        for number in sorted(lives, key=lambda n: lives[n]):
            first, last = lives[number]
            there = sorted(
                (placed[n], placed[n] + self.sizes[n])
                for n in placed
                if lives[n][0] <= last and first <= lives[n][1]
            )
            at = 0
            for begin, end in there:
                if at + self.sizes[number] <= begin:
                    break
                at = max(at, -(-end // align) * align)
            placed[number] = at
        return placed, max(placed[n] + self.sizes[n] for n in placed)


def read_network(model: Model) -> Network:
    """Return the calls of a network of one int8 input and output.

    Quantizing and dequantizing at the ends is left out, as the peers' own demonstrations do.

    Raises
    ------
    UnsupportedError
        When there is an operator that the peers' kernels are not called for here.
    """
    return _Reader(model).network()


class _Reader:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.same: dict[int, int] = {}
        self.pads: dict[int, np.ndarray] = {}

    def network(self) -> Network:
        layers = list(self._layers())
        sizes = {layers[0].inputs[0]: int(np.prod(layers[0].input_shape))}
        sizes |= {layer.output: int(np.prod(layer.output_shape)) for layer in layers}
        return Network(layers, sizes, layers[0].inputs[0], layers[-1].output)

    def _layers(self) -> Iterator[Layer]:
        means = self._means()
        for op in self.model.operators:
            first = self._origin(op.inputs[0])
            if op.kind in ("QUANTIZE", "DEQUANTIZE", "RESHAPE"):
                self.same[op.outputs[0]] = first
            elif op.kind == "PAD":
                self.same[op.outputs[0]] = first
                amounts = self._constant(op, 1)
                if amounts.any():
                    self.pads[op.outputs[0]] = amounts
            elif op.index in means:
                if means[op.index] is None:
                    self.same[op.outputs[0]] = first
                else:
                    yield self._mean(op, first)
            elif op.kind in _READERS:
                yield _READERS[op.kind](self, op)
            else:
                raise UnsupportedError(f"{op.kind} is not called here")

    def _means(self) -> dict[int, bool | None]:
        """Return the operators of a mean over rows and columns, written as TRANSPOSE, MEAN, MEAN; True for its last."""
        found: dict[int, bool | None] = {}
        ops = self.model.operators
        for a, b, c in zip(ops, ops[1:], ops[2:], strict=False):
            if (a.kind, b.kind, c.kind) == ("TRANSPOSE", "MEAN", "MEAN"):
                found |= {a.index: None, b.index: None, c.index: True}
        return found

    def _origin(self, number: int) -> int:
        return self.same.get(number, number)

    def _constant(self, op: Operator, at: int) -> np.ndarray:
        data = self.model.tensors[op.inputs[at]].data
        assert data is not None
        return data

    def _tensor(self, number: int) -> Tensor:
        return self.model.tensors[number]

    def _scale(self, number: int) -> tuple[float, int]:
        quantization = self._tensor(number).quantization
        assert quantization is not None
        return float(quantization.scale[0]), int(quantization.zero_point[0])

    def _weighted(self, op: Operator, kind: Kind) -> Layer:
        given, made = op.inputs[0], op.outputs[0]
        weights = self._tensor(op.inputs[1])
        assert weights.quantization is not None
        assert weights.data is not None
        (x_scale, x_zero), (y_scale, y_zero) = self._scale(given), self._scale(made)
        channels = int(np.prod(self._tensor(made).shape[-1:]))
        scales = np.broadcast_to(weights.quantization.scale.astype(np.float64), (channels,))
        real = tuple(float(np.float64(x_scale) * w / np.float64(y_scale)) for w in scales)
        if kind == "dense":  # TFLite multiplies these scales in single precision
            product = np.float32(x_scale) * np.float32(scales[0])
            real = (float(product) / y_scale,)
        pairs = [quantize_multiplier(r) for r in real]
        bias = self._constant(op, 2) if len(op.inputs) > 2 and op.inputs[2] >= 0 else np.zeros(channels, "i4")
        return Layer(
            kind,
            (self._origin(given),),
            made,
            _shape(self._tensor(self._origin(given))),
            _shape(self._tensor(made)),
            weights=weights.data,
            bias=bias,
            multipliers=tuple(m for m, _ in pairs),
            shifts=tuple(s for _, s in pairs),
            input_zero=x_zero,
            output_zero=y_zero,
            clip=activation_range(str(op.options["fused_activation_function"]), y_scale, y_zero),
        )

    def _window(self, op: Operator, layer: Layer, window: tuple[int, int]) -> Layer:
        stride = (int(op.options["stride_h"]), int(op.options["stride_w"]))
        before = [0, 0]
        if op.inputs[0] in self.pads:
            before = [int(self.pads[op.inputs[0]][1][0]), int(self.pads[op.inputs[0]][2][0])]
        if op.options["padding"] == "SAME":
            for axis in range(2):
                total = (layer.output_shape[axis] - 1) * stride[axis] + window[axis] - layer.input_shape[axis]
                before[axis] += max(total, 0) // 2
        return replace(layer, window=window, stride=stride, pad=(before[0], before[1]))

    def conv(self, op: Operator) -> Layer:
        layer = self._weighted(op, "conv")
        assert layer.weights is not None
        return self._window(op, layer, (layer.weights.shape[1], layer.weights.shape[2]))

    def depthwise(self, op: Operator) -> Layer:
        layer = self._weighted(op, "depthwise")
        assert layer.weights is not None
        return self._window(op, layer, (layer.weights.shape[1], layer.weights.shape[2]))

    def dense(self, op: Operator) -> Layer:
        return self._weighted(op, "dense")

    def average(self, op: Operator) -> Layer:
        layer = self._plain(op, "average")
        return self._window(op, layer, (int(op.options["filter_height"]), int(op.options["filter_width"])))

    def _mean(self, op: Operator, first: int) -> Layer:
        shape = _shape(self._tensor(first))
        return Layer(
            "average",
            (first,),
            op.outputs[0],
            shape,
            (1, 1, shape[2]),
            window=shape[:2],
            stride=shape[:2],
        )

    def _plain(self, op: Operator, kind: Kind) -> Layer:
        given, made = op.inputs[0], op.outputs[0]
        y_scale, y_zero = self._scale(made)
        activation = str(op.options.get("fused_activation_function", "NONE"))
        return Layer(
            kind,
            tuple(self._origin(i) for i in op.inputs),
            made,
            _shape(self._tensor(self._origin(given))),
            _shape(self._tensor(made)),
            input_zero=self._scale(given)[1],
            output_zero=y_zero,
            clip=activation_range(activation, y_scale, y_zero),
        )

    def add(self, op: Operator) -> Layer:
        layer = self._plain(op, "add")
        a, b, out = (self._scale(i) for i in (*op.inputs, op.outputs[0]))
        numbers = add_attrs(*a, *b, *out, str(op.options["fused_activation_function"]))
        return replace(layer, numbers=numbers)

    def softmax(self, op: Operator) -> Layer:
        layer = self._plain(op, "softmax")
        numbers = softmax_attrs(self._scale(op.inputs[0])[0], float(op.options["beta"]))
        return replace(layer, numbers=numbers)


_READERS = {
    "CONV_2D": _Reader.conv,
    "DEPTHWISE_CONV_2D": _Reader.depthwise,
    "FULLY_CONNECTED": _Reader.dense,
    "AVERAGE_POOL_2D": _Reader.average,
    "ADD": _Reader.add,
    "SOFTMAX": _Reader.softmax,
}


def _shape(tensor: Tensor) -> Shape:
    """Return height, width and channels; what has fewer dimensions is one pixel."""
    extents = tensor.shape[1:]
    if len(extents) == 3:
        return extents[0], extents[1], extents[2]
    return 1, 1, int(np.prod(extents))
