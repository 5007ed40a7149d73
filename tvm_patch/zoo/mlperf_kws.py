"""MLPerf Tiny keyword spotting: DS-CNN on 49 frames of 10 coefficients.

Exact: layers, channels, strides, SAME padding, fused RELUs.
"""

from __future__ import annotations

from tvm_patch.tflite.model import Model
from tvm_patch.zoo.blocks import make_divisible
from tvm_patch.zoo.builder import NetworkBuilder

_COEFFICIENTS = 10


def build_ds_cnn(name: str, width: float, resolution: int, classes: int, seed: int) -> Model:
    """Build DS-CNN.

    Parameters
    ----------
    name : str
        Name of the model.
    width : float
        Multiplier of the 64 channels, rounded to multiples of 8.
    resolution : int
        Number of frames; there are always 10 coefficients.
    classes : int
        Outputs.
    seed : int
        Seed of the weights.
    """
    net = NetworkBuilder(name, (1, resolution, _COEFFICIENTS, 1), seed)
    channels = make_divisible(64 * width)
    x = net.conv(net.input, channels, (10, 4), 2, "RELU")
    for _ in range(4):
        x = net.depthwise(x, 3, activation="RELU")
        x = net.conv(x, channels, activation="RELU")
    x = net.dense(net.flatten(net.global_average_pool(x)), classes)
    return net.finish(net.softmax(x))
