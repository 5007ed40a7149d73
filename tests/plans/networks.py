"""Random TFLite networks: chains, residuals, squeeze-and-excite, pyramids with several outputs, odd sizes.

Scales are chosen so that outputs use most of their range: a network that saturates everywhere proves little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

_ACTIVATIONS = ("NONE", "RELU", "RELU6")


class NetworkGrower:
    """Adds random blocks to a model.

    Parameters
    ----------
    seed : int
        Everything random follows from it.
    shape : tuple of int, optional
        Of the input; small and random otherwise.
    ends : bool
        Whether the input's zero point may be the least or the greatest value.
    """

    def __init__(self, seed: int, shape: tuple[int, ...] | None = None, ends: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.model = ModelBuilder(f"random{seed}")
        shape = shape or (1, self.number(5, 17), self.number(5, 15), self.number(1, 4))
        zero_point = self.number(-20, 20)
        if ends:
            zero_point = self.choice(-128, 127, zero_point)
        self.at = self.model.input("x", shape, scale=0.04, zero_point=zero_point)
        self.outputs: list[int] = []

    def number(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def choice(self, *options):
        return options[int(self.rng.integers(len(options)))]

    def extent(self, tensor: int) -> int:
        """The shorter side of a tensor."""
        return min(self.model.shape(tensor)[1:3])

    # -- operators

    def _weights(self, *shape: int, per: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weight = self.rng.integers(-127, 128, shape).astype(np.int8)
        bias = self.rng.integers(-2000, 2000, per).astype(np.int32)
        return weight, bias, self.rng.uniform(0.003, 0.006, per).astype(np.float32)

    def _quantization(self, x: int, terms: int) -> tuple[float, int]:
        """Return a scale that gives sums of so many products a spread of about fifty steps, and a zero point."""
        return self.model.quantization(x)[0] * 0.0045 * 74 * 74 * terms**0.5 / 50, self.number(-90, 40)

    def conv(self, x: int, kernel: int, channels: int, stride: int = 1, padding: str = "SAME") -> int:
        depth = self.model.shape(x)[3]
        height, width = kernel, self.choice(kernel, kernel, 1, kernel + 1)
        dilation = self.choice(1, 1, 1, 2) if stride == 1 and kernel > 1 else 1
        if padding == "VALID" and (max(height, width) - 1) * dilation + 1 > self.extent(x):
            padding = "SAME"
        weight, bias, scale = self._weights(channels, height, width, depth, per=channels)
        return self.model.conv2d(
            x, weight, bias, scale, *self._quantization(x, height * width * depth),
            stride=stride, padding=padding, dilation=dilation, activation=self.choice(*_ACTIVATIONS),
        )  # fmt: skip

    def depthwise(self, x: int, kernel: int, stride: int = 1, multiplier: int = 1) -> int:
        channels = self.model.shape(x)[3] * multiplier
        dilation = self.choice(1, 1, 2) if stride == 1 else 1
        weight, bias, scale = self._weights(1, kernel, kernel, channels, per=channels)
        return self.model.depthwise_conv2d(
            x, weight, bias, scale, *self._quantization(x, kernel * kernel),
            stride=stride, dilation=dilation, activation=self.choice(*_ACTIVATIONS),
        )  # fmt: skip

    def sum(self, a: int, b: int) -> int:
        scale = 0.7 * (self.model.quantization(a)[0] + self.model.quantization(b)[0])
        return self.model.add(a, b, scale, self.number(-30, 30), activation=self.choice(*_ACTIVATIONS))

    # -- blocks: each continues from self.at

    def chain(self) -> None:
        kernel = self.choice(1, 2, 3, 3, 5)
        padding = self.choice("SAME", "SAME", "VALID")
        self.at = self.conv(self.at, kernel, self.number(1, 9), self.choice(1, 1, 2, 3), padding)

    def separable(self) -> None:
        wide = self.depthwise(self.at, self.choice(3, 5), self.choice(1, 2), self.choice(1, 1, 2, 3))
        self.at = self.conv(wide, 1, self.number(2, 8))

    def residual(self) -> None:
        channels = self.model.shape(self.at)[3]
        wide = self.conv(self.at, 1, channels * self.choice(2, 3))
        deep = self.conv(self.depthwise(wide, self.choice(3, 5, 7)), 1, channels)
        self.at = self.sum(*self.choice((self.at, deep), (deep, self.at)))

    def squeeze(self) -> None:
        """Squeeze-and-excite, in the middle of an inverted bottleneck half of the time."""
        wide = self.at
        if self.choice(True, False):
            wide = self.depthwise(self.conv(wide, 1, self.model.shape(wide)[3] * 2), 3)
        channels, quantization = self.model.shape(wide)[3], self.model.quantization(wide)
        mean = self.model.mean(wide, [1, 2], *quantization, keep_dims=True)
        scale = self.model.logistic(self.conv(self.conv(mean, 1, max(1, channels // 2)), 1, channels))
        product = self.model.mul(
            *self.choice((wide, scale), (scale, wide)), quantization[0] * 0.7, self.number(-20, 20)
        )
        self.at = self.conv(product, 1, self.number(2, 6))

    def fork(self) -> None:
        """Branches over one tensor, joined along the channels."""
        scale, zero_point = self.model.quantization(self.at)
        parts = [self.conv(self.at, k, self.number(1, 4)) for k in self.choice((1, 3), (3, 1), (1, 5, 3))]
        parts = [self.model.quantize(p, scale * 1.3, zero_point) for p in parts]
        self.at = self.model.concatenation(parts, 3)

    def pool(self) -> None:
        kind = self.choice(self.model.max_pool2d, self.model.average_pool2d)
        window = self.choice(2, 3)
        self.at = kind(self.at, window, stride=self.choice(1, 2), padding=self.choice("SAME", "VALID"))

    def padded(self) -> None:
        """Explicit, lopsided padding before a VALID convolution."""
        sides = [(0, 0), (self.number(0, 2), self.number(0, 2)), (self.number(0, 3), 1), (0, 0)]
        self.at = self.conv(self.model.pad(self.at, sides), 3, self.number(1, 6), self.choice(1, 2), "VALID")

    def pointwise(self) -> None:
        scale, zero_point = self.model.quantization(self.at)
        match self.number(0, 3):
            case 0:
                self.at = self.model.leaky_relu(self.at, 0.2, scale, zero_point)
            case 1:
                self.at = self.model.hard_swish(self.at, scale, zero_point)
            case 2:
                self.at = self.model.relu6(self.at, scale, zero_point)
            case _:
                slope = self.rng.integers(-127, 128, (1, 1, self.model.shape(self.at)[3])).astype(np.int8)
                self.at = self.model.prelu(self.at, slope, 0.01, 3, scale, zero_point)

    def pyramid(self) -> None:
        """Two scales, each an output; the coarse one comes back, enlarged, over the fine one."""
        fine = self.conv(self.at, 3, 4)
        coarse = self.conv(fine, 3, 4, 2)
        self.outputs += [coarse] if self.choice(True, False) else []
        size = self.model.shape(fine)[1:3]
        resize = self.choice(self.model.resize_nearest_neighbor, self.model.resize_bilinear)
        large = resize(coarse, size)
        if self.choice(True, False):
            self.at = self.sum(large, fine)
        else:
            scale, zero_point = self.model.quantization(large)
            self.at = self.model.concatenation([large, self.model.quantize(fine, scale, zero_point)], 3)
        self.outputs += [self.at]

    def enlarge(self) -> None:
        channels = self.number(1, 4)
        depth = self.model.shape(self.at)[3]
        weight, bias, scale = self._weights(channels, 3, 3, depth, per=channels)
        self.at = self.model.transpose_conv(
            self.at, weight, bias, scale, *self._quantization(self.at, 9 * depth), stride=2
        )

    def resized(self) -> None:
        """A resize: by a whole factor most of the time, larger or smaller, or to any size."""
        height, width = self.model.shape(self.at)[1:3]
        sizes = [
            (height * 2, width * 2),
            (height * 2, width * 3),
            (height * 4, width),
            (height + 3, width + 1),
        ]
        if self.extent(self.at) > 3:
            sizes += [(height // 2, width // 2), (height - 1, width // 3), (height // 3, width)]
        size = self.choice(*sizes)
        flags = self.choice(
            {}, {"align_corners": True}, {"half_pixel_centers": True}, {"half_pixel_centers": True}
        )
        resize = self.choice(self.model.resize_nearest_neighbor, self.model.resize_bilinear)
        self.at = resize(self.at, size, **flags)

    def transposed(self) -> None:
        """A transposed convolution of any window and strides, those of decoders most of the time."""
        channels, depth = self.number(1, 6), self.model.shape(self.at)[3]
        kernel = self.choice((2, 2), (3, 3), (4, 4), (5, 3), (1, 2))
        weight, bias, scale = self._weights(channels, *kernel, depth, per=channels)
        self.at = self.model.transpose_conv(
            self.at, weight, bias, scale, *self._quantization(self.at, 9 * depth),
            stride=self.choice((2, 2), (2, 2), (3, 2), (1, 1)), padding=self.choice("SAME", "VALID"),
            activation=self.choice(*_ACTIVATIONS),
        )  # fmt: skip

    def skip(self) -> None:
        """An encoder's tensor beside a decoder's, whose shape may be anything: brought to it by a resize."""
        left, before = self.at, self.model.quantization(self.at)
        self.at = self.conv(self.at, 3, self.number(1, 4), self.choice(1, 2))
        self.choice(self.resized, self.transposed)()
        right = self.model.resize_nearest_neighbor(left, self.model.shape(self.at)[1:3])
        self.at = self.model.concatenation([self.model.quantize(self.at, *before), right], 3)

    def head(self) -> None:
        """Global mean and a fully connected layer."""
        quantization = self.model.quantization(self.at)
        if self.choice(True, False):
            mean = self.model.mean(self.at, [1, 2], *quantization)
        else:
            mean = self.model.average_pool2d(self.at, self.model.shape(self.at)[1:3], padding="VALID")
        inputs = self.model.shape(self.at)[3]
        weight, bias, scale = self._weights(5, inputs, per=5)
        flat = self.model.reshape(mean, (1, inputs))
        self.at = self.model.fully_connected(
            flat, weight, bias, float(scale[0]), *self._quantization(flat, inputs)
        )
        if self.choice(True, False):
            self.at = self.model.softmax(self.at)


class SparseGrower(NetworkGrower):
    """Filters of zeros, inputs without weights, biases that saturate, and zero points at both ends among others."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, ends=True)

    def _weights(self, *shape: int, per: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weight, bias, scale = super()._weights(*shape, per=per)
        depthwise = shape[0] == 1 and shape[-1] == per
        dead, unread = self.rng.random(per) < 0.3, self.rng.random(shape[-1]) < 0.2
        weight[(..., dead) if depthwise else dead] = 0
        weight[..., unread] = 0
        saturated = self.rng.random(per) < 0.15
        bias[saturated] = self.choice(-1, 1) * weight.size * 127 * 300
        # On a channel of zeros any bias, the zero point's own among them.
        bias[self.rng.random(per) < 0.2] = 0
        return weight, bias, scale

    def _quantization(self, x: int, terms: int) -> tuple[float, int]:
        scale, zero_point = super()._quantization(x, terms)
        return scale, self.choice(-128, 127, -128, zero_point, zero_point)


def random_network(seed: int) -> bytes:
    """Return a random network as a .tflite file: two to four blocks, and a head half of the time."""
    return _grown(NetworkGrower(seed))


def sparse_network(seed: int) -> bytes:
    """Return a random network with channels that are constant or never read; see :class:`SparseGrower`."""
    return _grown(SparseGrower(seed))


def _grown(grower: NetworkGrower) -> bytes:
    for block in _blocks(grower):
        block()
    if grower.choice(True, False):
        grower.head()
    outputs = dict.fromkeys([*grower.outputs, grower.at])
    for tensor in outputs:
        grower.model.output(tensor)
    return write_model(grower.model.finish())


def decoder_network(seed: int) -> bytes:
    """Return a random network of resizes and transposed convolutions between convolutions."""
    grower = NetworkGrower(seed)
    for _ in range(grower.number(2, 3)):
        grower.choice(grower.resized, grower.resized, grower.transposed, grower.skip)()
        grower.choice(grower.chain, grower.chain, grower.separable, grower.pointwise, grower.residual)()
    if grower.choice(True, False):
        grower.head()
    grower.model.output(grower.at)
    return write_model(grower.model.finish())


def one_of_each() -> bytes:
    """Return a network that plans can do everything with: residual, squeeze-and-excite, wide tensors, a reduction."""
    grower = NetworkGrower(11, (1, 25, 23, 3))
    grower.at = grower.conv(grower.at, 3, 6, 2)
    grower.squeeze()
    grower.residual()
    grower.separable()
    grower.head()
    grower.model.output(grower.at)
    return write_model(grower.model.finish())


def _blocks(grower: NetworkGrower) -> Iterator[Callable[[], None]]:
    """Yield blocks that suit the size that is reached."""
    small = [grower.chain, grower.residual, grower.squeeze, grower.separable, grower.fork, grower.pointwise]
    large = [*small, grower.padded, grower.pool, grower.pyramid]
    for _ in range(grower.number(2, 4)):
        extent = grower.extent(grower.at)
        if extent < 4:
            yield grower.choice(*small, grower.enlarge)
        else:
            yield grower.choice(*large)
