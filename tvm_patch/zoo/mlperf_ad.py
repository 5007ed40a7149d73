"""MLPerf Tiny anomaly detection: fully connected autoencoder of 640 values.

Exact: layers, widths, fused RELUs.
"""

from __future__ import annotations

from tvm_patch.tflite.model import Model
from tvm_patch.zoo.blocks import make_divisible
from tvm_patch.zoo.builder import NetworkBuilder

_BOTTLENECK = 8


def build_autoencoder(name: str, width: float, resolution: int, classes: int, seed: int) -> Model:
    """Build the autoencoder.

    Parameters
    ----------
    name : str
        Name of the model.
    width : float
        Multiplier of the hidden layers' 128 units, rounded to multiples of 8.
    resolution : int
        Number of input values.
    classes : int
        Number of output values.
    seed : int
        Seed of the weights.
    """
    net = NetworkBuilder(name, (1, resolution), seed)
    hidden = make_divisible(128 * width)
    x = net.input
    for units in (*[hidden] * 4, _BOTTLENECK, *[hidden] * 4):
        x = net.dense(x, units, "RELU")
    return net.finish(net.dense(x, classes))
