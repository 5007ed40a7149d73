"""A network under construction: quantized operators for the model, float activations to choose their scales by.

Each layer gets random weights and is then brought to mean 0 and deviation 1 per layer on a calibration input, as
batch normalization does at the start of training.  So no layer saturates or dies, however deep the network.
Spatial extents are calibrated at a reduced size: the statistics are about the same and it takes a second at most.
"""

from __future__ import annotations

import numpy as np

from tvm_patch.tflite.builder import ModelBuilder, pair
from tvm_patch.tflite.model import Model
from tvm_patch.zoo import floating

_CALIBRATION_EXTENT = 96  # three pixels at the end of a network that divides by 32
_INPUT_RANGE = (-1.0, 1.0)

Pair = int | tuple[int, int]


def quantize_range(low: float, high: float) -> tuple[float, int]:
    """Return the int8 scale and zero point that cover `low` to `high`, with 0 exactly representable."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max(high - low, 1e-3) / 255))
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


class NetworkBuilder:
    """Adds layers with random weights; layers take and return tensor indices.

    Parameters
    ----------
    name : str
        Name of the network.
    shape : tuple of int
        Input shape, (1, height, width, channels) or (1, features).
    seed : int
        Seed of the weights and of the calibration input.
    symmetric_padding : bool
        Pad strided windows by half the kernel on each side with a PAD operator, as networks from PyTorch do;
        False uses TFLite's SAME everywhere.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], seed: int = 0, symmetric_padding: bool = False
    ) -> None:
        self._builder = ModelBuilder(name, "tvm-patch zoo: random weights")
        self._rng = np.random.default_rng(seed)
        self._symmetric = symmetric_padding
        self._values: dict[int, np.ndarray] = {}
        scale, zero_point = quantize_range(*_INPUT_RANGE)
        self.input = self._builder.input("input", shape, scale, zero_point)
        reduced = tuple(min(extent, _CALIBRATION_EXTENT) for extent in shape[1:-1])
        noise = self._rng.uniform(*_INPUT_RANGE, (1, *reduced, shape[-1]))
        self._values[self.input] = noise.astype(np.float32)

    def finish(self, *outputs: int) -> Model:
        """Return the model with the given outputs."""
        for output in outputs:
            self._builder.output(output)
        return self._builder.finish()

    def channels(self, x: int) -> int:
        """Return the last extent of a tensor."""
        return self._builder.shape(x)[-1]

    def shape(self, x: int) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return self._builder.shape(x)

    def conv(
        self,
        x: int,
        channels: int,
        kernel: Pair = 1,
        stride: Pair = 1,
        activation: str = "NONE",
    ) -> int:
        """Add a convolution with bias."""
        weight = self._weights(channels, *pair(kernel), self.channels(x))
        return self._convolution(x, weight, False, stride, activation)

    def depthwise(self, x: int, kernel: Pair = 3, stride: Pair = 1, activation: str = "NONE") -> int:
        """Add a depthwise convolution with bias."""
        weight = self._weights(self.channels(x), *pair(kernel), 1).transpose(3, 1, 2, 0)
        return self._convolution(x, weight, True, stride, activation)

    def dense(self, x: int, units: int, activation: str = "NONE") -> int:
        """Add a fully connected layer with bias; its weights have one scale for all, as converters make them."""
        values = self._values[x].reshape(1, -1)
        weight = self._rng.standard_normal((units, values.shape[1])).astype(np.float32)
        # One vector says nothing about single units, so the deviation is over all of them.
        weight, bias, result = _normalized(weight, values @ weight.T, self._rng, per_channel_mean=False)
        result = floating.activate(result, activation)
        weight_scale = float(np.abs(weight).max() / 127)
        quantized, offset = self._quantized(x, weight, bias, np.full(units, weight_scale, np.float32))
        scale, zero_point = quantize_range(float(result.min()), float(result.max()) * 1.1)
        output = self._builder.fully_connected(
            x, quantized, offset, weight_scale, scale, zero_point, activation=activation
        )
        self._values[output] = result
        return output

    def add(self, a: int, b: int, activation: str = "NONE") -> int:
        """Add a residual sum."""
        values = floating.activate(self._values[a] + self._values[b], activation)
        output = self._builder.add(a, b, *self._range(values), activation=activation)
        self._values[output] = values
        return output

    def multiply(self, a: int, b: int) -> int:
        """Add a product, with broadcasting."""
        values = self._values[a] * self._values[b]
        output = self._builder.mul(a, b, *self._range(values))
        self._values[output] = values
        return output

    def logistic(self, x: int) -> int:
        """Add a LOGISTIC."""
        output = self._builder.logistic(x)
        self._values[output] = 1 / (1 + np.exp(-self._values[x]))
        return output

    def global_mean(self, x: int, keep_dims: bool = False) -> int:
        """Add a MEAN over height and width."""
        values = self._values[x].mean((1, 2), keepdims=keep_dims)
        output = self._builder.mean(x, (1, 2), *self._range(values), keep_dims=keep_dims)
        self._values[output] = values
        return output

    def global_average_pool(self, x: int) -> int:
        """Add an AVERAGE_POOL_2D over height and width; the result is (1, 1, 1, channels)."""
        _, height, width, _ = self._builder.shape(x)
        output = self._builder.average_pool2d(x, (height, width))
        self._values[output] = self._values[x].mean((1, 2), keepdims=True)
        return output

    def flatten(self, x: int) -> int:
        """Add a RESHAPE to (1, features)."""
        output = self._builder.reshape(x, (1, -1))
        self._values[output] = self._values[x].reshape(1, -1)
        return output

    def softmax(self, x: int) -> int:
        """Add a SOFTMAX over the channels."""
        output = self._builder.softmax(x)
        powers = np.exp(self._values[x] - self._values[x].max(axis=-1, keepdims=True))
        self._values[output] = powers / powers.sum(axis=-1, keepdims=True)
        return output

    def _weights(self, *shape: int) -> np.ndarray:
        """Return random weights whose channels differ in size, so that their scales differ as real ones do."""
        spread = self._rng.uniform(0.5, 1.5, (shape[0], 1, 1, 1))
        return (self._rng.standard_normal(shape) * spread).astype(np.float32)

    def _convolution(self, x: int, weight: np.ndarray, depthwise: bool, stride: Pair, activation: str) -> int:
        values, window, step = self._values[x], (weight.shape[1], weight.shape[2]), pair(stride)
        padding = "SAME"
        if self._symmetric and step != (1, 1) and window != (1, 1):
            # SAME would put the odd zero at the end only.
            widths = [(0, 0), *((taps // 2, taps // 2) for taps in window), (0, 0)]
            values, padding = np.pad(values, widths), "VALID"
            x = self._builder.pad(x, widths)
        else:
            values = floating.pad_same(values, window, step)
        convolve = floating.convolve_depthwise if depthwise else floating.convolve
        axis = 3 if depthwise else 0
        weight, bias, result = _normalized(weight, convolve(values, weight, step), self._rng)
        result = floating.activate(result, activation)
        weight_scale = np.abs(weight).max(tuple(k for k in range(4) if k != axis)) / 127
        quantized, offset = self._quantized(x, weight, bias, weight_scale, axis)
        add = self._builder.depthwise_conv2d if depthwise else self._builder.conv2d
        scale, zero_point = self._range(result)
        output = add(
            x,
            quantized,
            offset,
            weight_scale,
            scale,
            zero_point,
            stride=stride,
            padding=padding,
            activation=activation,
        )
        self._values[output] = result
        return output

    def _quantized(
        self, x: int, weight: np.ndarray, bias: np.ndarray, weight_scale: np.ndarray, axis: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weights as int8 and biases as int32."""
        along = [1] * weight.ndim
        along[axis] = -1
        quantized = np.rint(weight / weight_scale.reshape(along)).astype(np.int8)
        offset = np.rint(bias / (weight_scale * self._builder.quantization(x)[0])).astype(np.int32)
        return quantized, offset

    def _range(self, values: np.ndarray) -> tuple[float, int]:
        return quantize_range(float(values.min()), float(values.max()))


def _normalized(
    weight: np.ndarray, result: np.ndarray, rng: np.random.Generator, per_channel_mean: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale weights and choose biases so that `result`, the layer without bias, has mean 0 and deviation 1.

    Returns
    -------
    weight, bias, result : numpy.ndarray
        All float32; a little noise in the biases keeps channels apart.
    """
    axes = tuple(range(result.ndim - 1))
    mean = result.mean(axes) if per_channel_mean and result[..., 0].size > 1 else np.zeros(result.shape[-1])
    deviation = float((result - mean).std()) or 1.0
    noise = rng.normal(0, 0.3, result.shape[-1])
    bias = (noise - mean / deviation).astype(np.float32)
    return weight / np.float32(deviation), bias, (result / deviation + bias).astype(np.float32)
