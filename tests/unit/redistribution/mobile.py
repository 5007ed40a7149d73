"""A small mobile network, float-like enough to be imported: stem, plain block, residual blocks in two stages."""

from __future__ import annotations

import numpy as np

from tvm_patch.tflite.model import Model
from tvm_patch.zoo.blocks import Block, inverted_residual
from tvm_patch.zoo.builder import NetworkBuilder


def mobile_network(
    resolution: int = 20,
    kernels: tuple[int, ...] = (3, 3, 3, 3, 3, 3),
    symmetric: bool = False,
    seed: int = 0,
) -> Model:
    """Two stages of 8 and 16 channels with one and two residual blocks; `kernels` of the depthwise convolutions.

    Operators: conv; block 0 (16 → 8); blocks 1 and 2 (8, the second residual); blocks 3, 4, 5 (16, two residual).
    """
    net = NetworkBuilder("mobile", (1, resolution, resolution, 3), seed, symmetric)
    x = net.conv(net.input, 16, 3, 2, "RELU6")
    shapes = [(8, 1, 1), (8, 3, 2), (8, 3, 1), (16, 3, 2), (16, 3, 1), (16, 3, 1)]
    for (channels, expand, stride), kernel in zip(shapes, kernels, strict=True):
        x = inverted_residual(net, x, Block(channels, kernel, expand, stride), channels)
    return net.finish(net.dense(net.global_mean(x), 10))


def random_input(model: Model, seed: int = 0) -> list[np.ndarray]:
    """Return random inputs of `model`."""
    rng = np.random.default_rng(seed)
    arrays = []
    for index in model.inputs:
        tensor = model.tensors[index]
        if tensor.dtype == "float32":
            arrays.append(rng.standard_normal(tensor.shape).astype(np.float32))
        else:
            limits = np.iinfo(tensor.dtype)
            arrays.append(rng.integers(limits.min, int(limits.max) + 1, tensor.shape).astype(tensor.dtype))
    return arrays
