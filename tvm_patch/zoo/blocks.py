"""Blocks that the mobile architectures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tvm_patch.tflite.model import Model
from tvm_patch.zoo.builder import NetworkBuilder


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round a channel count to a multiple of `divisor`, never more than a tenth down."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class Block(NamedTuple):
    """One inverted residual block.

    Parameters
    ----------
    channels : int
        Output channels before the width multiplier.
    kernel : int
        Depthwise kernel size.
    expand : float
        Channels inside, as a multiple of the input's; 1 leaves the expansion out.
    stride : int
        Stride of the depthwise convolution.
    squeeze : float
        Squeeze-and-excitation width as a part of the block's input channels; 0 for none.
    """

    channels: int
    kernel: int = 3
    expand: float = 6
    stride: int = 1
    squeeze: float = 0


def stage(
    channels: int, kernel: int, expand: float, repeats: int, stride: int, squeeze: float = 0
) -> list[Block]:
    """Return `repeats` equal blocks of which the first has the stride."""
    return [Block(channels, kernel, expand, stride if index == 0 else 1, squeeze) for index in range(repeats)]


def squeeze_excite(net: NetworkBuilder, x: int, reduced: int) -> int:
    """Weigh the channels of `x` by what two small layers make of their means."""
    channels = net.channels(x)
    gate = net.conv(net.global_mean(x, keep_dims=True), reduced, activation="RELU")
    return net.multiply(x, net.logistic(net.conv(gate, channels)))


def inverted_residual(
    net: NetworkBuilder, x: int, block: Block, channels: int, activation: str = "RELU6"
) -> int:
    """Expand, convolve depthwise, project; add the input where shapes agree.

    Parameters
    ----------
    net : NetworkBuilder
        Where to add the block.
    x : int
        Its input.
    block : Block
        Its shape.
    channels : int
        Output channels after the width multiplier.
    activation : str
        Activation of the expansion and the depthwise convolution; the projection is linear.

    Returns
    -------
    int
        The output tensor.
    """
    before = net.channels(x)
    y = x
    if block.expand != 1:
        y = net.conv(y, make_divisible(before * block.expand), activation=activation)
    y = net.depthwise(y, block.kernel, block.stride, activation)
    if block.squeeze:
        y = squeeze_excite(net, y, make_divisible(before * block.squeeze))
    y = net.conv(y, channels)
    return net.add(x, y) if block.stride == 1 and before == channels else y


class Mobile(NamedTuple):
    """An image classifier made of inverted residual blocks.

    Parameters
    ----------
    stem : int
        Channels of the first 3 × 3 convolution, stride 2.
    blocks : sequence of Block
        The body.
    head : int
        Channels of the 1 × 1 convolution before the pooling; 0 for none.
    activation : str
        Activation everywhere but after projections.
    symmetric_padding : bool
        See :class:`~tvm_patch.zoo.builder.NetworkBuilder`.
    softmax : bool
        Whether the network ends in a SOFTMAX.
    fixed_head : bool
        The head does not shrink with the width multiplier.
    detector : int
        Channels of the map that a detector gives; 0 for a classifier.
    """

    stem: int
    blocks: Sequence[Block]
    head: int
    activation: str = "RELU6"
    symmetric_padding: bool = False
    softmax: bool = False
    fixed_head: bool = False
    detector: int = 0


def build_mobile(
    name: str, design: Mobile, width: float, resolution: int, classes: int, seed: int, colors: int = 3
) -> Model:
    """Build a :class:`Mobile` network.

    Parameters
    ----------
    name : str
        Name of the model.
    design : Mobile
        Its layers.
    width : float
        Multiplier of all channel counts, rounded to multiples of 8.
    resolution : int
        Height and width of the input picture in pixels.
    classes : int
        Outputs.
    seed : int
        Seed of the weights.
    colors : int
        Channels of the picture.

    Returns
    -------
    Model
        Input int8 (1, resolution, resolution, colors), output int8 (1, classes), or the map of a detector.
    """
    net = NetworkBuilder(name, (1, resolution, resolution, colors), seed, design.symmetric_padding)
    x = net.conv(net.input, make_divisible(design.stem * width), 3, 2, design.activation)
    for block in design.blocks:
        x = inverted_residual(net, x, block, make_divisible(block.channels * width), design.activation)
    if design.head:
        factor = max(width, 1.0) if design.fixed_head else width
        x = net.conv(x, make_divisible(design.head * factor), activation=design.activation)
    if design.detector:
        return net.finish(net.conv(x, design.detector))
    # Frameworks differ here: what comes from PyTorch has a pool and a 1 × 1 convolution or a dense layer.
    x = net.flatten(net.global_average_pool(x)) if design.symmetric_padding else net.global_mean(x)
    x = net.dense(x, classes)
    return net.finish(net.softmax(x) if design.softmax else x)
