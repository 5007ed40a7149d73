"""MLPerf Tiny visual wake words: MobileNetV1, width 0.25, 96 × 96.

Exact: layers, channels, strides, SAME padding, fused RELUs.  `width` is relative to MobileNetV1's own channels, so
the benchmark's network is the one at 0.25.
"""

from __future__ import annotations

from tvm_patch.tflite.model import Model
from tvm_patch.zoo.blocks import make_divisible
from tvm_patch.zoo.builder import NetworkBuilder

_LAYERS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def build_mobilenet_v1(name: str, width: float, resolution: int, classes: int, seed: int) -> Model:
    """Build MobileNetV1; parameters as in :func:`tvm_patch.zoo.blocks.build_mobile`."""
    net = NetworkBuilder(name, (1, resolution, resolution, 3), seed)
    x = net.conv(net.input, make_divisible(32 * width), 3, 2, "RELU")
    for channels, stride in _LAYERS:
        x = net.depthwise(x, 3, stride, "RELU")
        x = net.conv(x, make_divisible(channels * width), activation="RELU")
    x = net.dense(net.flatten(net.global_average_pool(x)), classes)
    return net.finish(net.softmax(x))
