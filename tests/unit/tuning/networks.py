"""Small networks to tune."""

from __future__ import annotations

import numpy as np

from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model


def block(seed: int = 0, channels: int = 16) -> bytes:
    """Return a depthwise convolution between two 1×1 convolutions."""
    rng = np.random.default_rng(seed)
    b = ModelBuilder("block")
    x = b.input("image", (1, 7, 9, 8), scale=0.05, zero_point=-128)

    def numbers(n):
        return rng.integers(-500, 500, n).astype(np.int32), rng.uniform(1e-3, 2e-3, n)

    weight = rng.integers(-127, 128, (channels, 1, 1, 8)).astype(np.int8)
    x = b.conv2d(x, weight, *numbers(channels), 0.05, -128, activation="RELU")
    weight = rng.integers(-127, 128, (1, 3, 3, channels)).astype(np.int8)
    x = b.depthwise_conv2d(x, weight, *numbers(channels), 0.05, -128, activation="RELU")
    weight = rng.integers(-127, 128, (8, 1, 1, channels)).astype(np.int8)
    b.output(b.conv2d(x, weight, *numbers(8), 0.05, 3))
    return write_model(b.finish())
