"""MLPerf Tiny image classification: ResNet-8 for CIFAR-10, 32 × 32.

Exact: layers, channels, strides, SAME padding, fused RELUs.
"""

from __future__ import annotations

from tvm_patch.tflite.model import Model
from tvm_patch.zoo.blocks import make_divisible
from tvm_patch.zoo.builder import NetworkBuilder


def build_resnet8(name: str, width: float, resolution: int, classes: int, seed: int) -> Model:
    """Build ResNet-8; parameters as in :func:`tvm_patch.zoo.blocks.build_mobile`."""
    net = NetworkBuilder(name, (1, resolution, resolution, 3), seed)
    x = net.conv(net.input, make_divisible(16 * width), 3, activation="RELU")
    for base, stride in ((16, 1), (32, 2), (64, 2)):
        channels = make_divisible(base * width)
        y = net.conv(x, channels, 3, stride, "RELU")
        y = net.conv(y, channels, 3)
        shortcut = x if stride == 1 else net.conv(x, channels, 1, stride)
        x = net.add(shortcut, y, "RELU")
    x = net.dense(net.flatten(net.global_average_pool(x)), classes)
    return net.finish(net.softmax(x))
