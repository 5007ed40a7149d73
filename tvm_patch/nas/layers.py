"""The operators of an architecture by their shapes, in run order."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.zoo.blocks import make_divisible

Kind = Literal[
    "conv2d",
    "depthwise_conv2d",
    "add",
    "mul",
    "mean",
    "global_mean",
    "avg_pool2d",
    "logistic",
    "fully_connected",
    "softmax",
]
INPUT = -1
"""Index of the picture among tensors; the others have that of the layer that makes them."""


class Layer(NamedTuple):
    """The shape of an operator, all that its cost depends on; equal ones cost the same wherever they stand.

    Attributes
    ----------
    kind : str
        ``mean`` and ``avg_pool2d`` keep the axes that they reduce, ``global_mean`` drops them.
    size : int
        Height and width of the first input; 0 for vectors.
    inputs, outputs : int
        Channels.
    kernel, stride : int
        Of convolutions.
    symmetric : bool
        Whether a convolution is padded by half its kernel on each side, whatever its stride.
    """

    kind: Kind
    size: int
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    symmetric: bool = False

    @property
    def out_size(self) -> int:
        """Height and width of the output; 0 for vectors."""
        if self.kind in ("mean", "avg_pool2d"):
            return 1
        return 0 if self.kind in ("global_mean", "fully_connected") else -(-self.size // self.stride)

    @property
    def bytes(self) -> int:
        """Of the output."""
        return max(1, self.out_size) ** 2 * self.outputs


class Wired(NamedTuple):
    """A layer with what it reads: indices of tensors."""

    layer: Layer
    reads: tuple[int, ...]


def layers_of(architecture: Architecture) -> list[Wired]:
    """Return the operators as the compiler runs them."""
    size, stem = architecture.resolution, architecture.stem
    symmetric = architecture.padding == "symmetric"
    made = [Wired(Layer("conv2d", size, architecture.colors, stem, 3, 2, symmetric), (INPUT,))]
    size, channels = -(-size // 2), stem
    for block in architecture.blocks:
        size, channels = _add_block(made, block, size, channels, symmetric)
    if architecture.head:
        made.append(Wired(Layer("conv2d", size, channels, architecture.head), (len(made) - 1,)))
        channels = architecture.head
    if architecture.detector:
        return [*made, Wired(Layer("conv2d", size, channels, architecture.detector), (len(made) - 1,))]
    reduced: Kind = "avg_pool2d" if symmetric else "global_mean"
    made.append(Wired(Layer(reduced, size, channels, channels), (len(made) - 1,)))
    classes = architecture.classes
    made.append(Wired(Layer("fully_connected", int(symmetric), channels, classes), (len(made) - 1,)))
    if architecture.softmax:
        made.append(Wired(Layer("softmax", 0, classes, classes), (len(made) - 1,)))
    return made


def _add_block(
    made: list[Wired], block: Bottleneck, size: int, before: int, symmetric: bool
) -> tuple[int, int]:
    """Add a block's layers; return the size and the channels of what it makes."""
    start = last = len(made) - 1

    def add(layer: Layer, *reads: int) -> int:
        made.append(Wired(layer, reads))
        return len(made) - 1

    inner = before
    if block.expand != 1:
        inner = make_divisible(before * block.expand)
        last = add(Layer("conv2d", size, before, inner), last)
    # At stride 1 both paddings are the same.
    kernel, stride = block.kernel, block.stride
    last = add(Layer("depthwise_conv2d", size, inner, inner, kernel, stride, symmetric and stride > 1), last)
    size = -(-size // block.stride)
    if block.squeeze:
        reduced = make_divisible(before * block.squeeze)
        gate = add(Layer("mean", size, inner, inner), last)
        gate = add(Layer("conv2d", 1, inner, reduced), gate)
        gate = add(Layer("conv2d", 1, reduced, inner), gate)
        gate = add(Layer("logistic", 1, inner, inner), gate)
        last = add(Layer("mul", size, inner, inner), last, gate)
    last = add(Layer("conv2d", size, inner, block.channels), last)
    if block.stride == 1 and before == block.channels:
        add(Layer("add", size, before, before), start, last)
    return size, block.channels
