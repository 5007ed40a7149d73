"""A small network that uses many kernels, for tests of printed code."""

from __future__ import annotations

import numpy as np

from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model


def _conv(rng, shape):
    channels = shape[0]
    weight = rng.integers(-127, 128, shape).astype(np.int8)
    return weight, rng.integers(-500, 500, channels).astype(np.int32), rng.uniform(1e-3, 4e-3, channels)


def small_network(classes: int = 5) -> bytes:
    """Convolution, depthwise, pointwise, residual addition, pooling, fully connected, softmax."""
    rng = np.random.default_rng(3)
    b = ModelBuilder("small")
    x = b.input("image", (1, 9, 7, 3), scale=0.02, zero_point=-5)
    weight, bias, scale = _conv(rng, (8, 3, 3, 3))
    x = b.conv2d(x, weight, bias, scale, 0.05, -128, stride=2, activation="RELU6")
    weight = rng.integers(-127, 128, (1, 3, 3, 8)).astype(np.int8)
    bias, scale = rng.integers(-500, 500, 8).astype(np.int32), rng.uniform(1e-3, 4e-3, 8)
    y = b.depthwise_conv2d(x, weight, bias, scale, 0.05, -128, activation="RELU")
    weight, bias, scale = _conv(rng, (8, 1, 1, 8))
    y = b.conv2d(y, weight, bias, scale, 0.04, 3)
    x = b.add(x, y, 0.06, -7)
    x = b.average_pool2d(x, b.shape(x)[1:3], padding="VALID")
    x = b.reshape(x, (1, 8))
    weight = rng.integers(-127, 128, (classes, 8)).astype(np.int8)
    x = b.fully_connected(x, weight, rng.integers(-99, 99, classes).astype(np.int32), 0.01, 0.2, 10)
    b.output(b.softmax(x))
    return write_model(b.finish())
