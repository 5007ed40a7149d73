"""An architecture of the MnasNet family as a record: what a search changes, and what everything else follows from."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from tvm_patch.nas.record import Part, Record
from tvm_patch.tflite.model import Model
from tvm_patch.zoo.blocks import Block, Mobile, build_mobile

FORMAT: Literal["tvm-patch architecture"] = "tvm-patch architecture"
VERSION: Literal[1] = 1
"""Of the format; a file of another version is refused."""


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError(f"kernel is {kernel}: it must be odd")
    return kernel


Channels = Annotated[int, Field(ge=8, le=8192, multiple_of=8, strict=True)]
"""Of a layer inside; kernels work on four or eight at once."""
Kernel = Annotated[int, Field(ge=1, le=11, strict=True), AfterValidator(_odd)]
Expansion = Annotated[float, Field(ge=1, le=16, allow_inf_nan=False)]
Resolution = Annotated[int, Field(ge=8, le=2048, strict=True)]
Classes = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Squeeze = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Bottleneck(Part):
    """An inverted bottleneck: expand by a 1×1 convolution, convolve depthwise, project; residual where shapes agree.

    Attributes
    ----------
    channels : int
        Of the output; a multiple of 8.
    kernel : int
        Of the depthwise convolution; odd.
    expand : float
        Channels inside, as a multiple of the input's, rounded to a multiple of 8; 1 leaves the expansion out.
    stride : int
        Of the depthwise convolution.
    squeeze : float
        Width of squeeze-and-excite as a part of the input's channels, rounded to a multiple of 8; 0 for none.
    """

    channels: Channels
    kernel: Kernel = 3
    expand: Expansion = 6
    stride: Literal[1, 2] = 1
    squeeze: Squeeze = 0


class Architecture(Record):
    """An image classifier: a 3×3 convolution of stride 2, inverted bottlenecks, a 1×1 convolution, mean, one layer.

    Attributes
    ----------
    resolution : int
        Height and width of the picture.
    colors : int
        Channels of the picture.
    stem : int
        Channels of the first convolution; a multiple of 8.
    blocks : tuple of Bottleneck
    head : int
        Channels of the last convolution; a multiple of 8, or 0 for none.
    classes : int
        Outputs of a classifier.
    detector : int
        Channels of the map that a detector gives, made by a 1×1 convolution instead of mean and last layer; 0 for a
        classifier.
    activation : {"RELU6", "RELU"}
        Everywhere but after projections.
    padding : {"same", "symmetric"}
        TFLite's SAME, or half a kernel on each side of strided convolutions and a pool instead of the mean, as networks
        from PyTorch have it.
    softmax : bool
        Whether the network ends in a SOFTMAX.
    """

    kind: ClassVar[str] = "architecture"
    format: Literal["tvm-patch architecture"] = FORMAT
    version: Literal[1] = VERSION
    resolution: Resolution
    colors: Literal[1, 3] = 3
    stem: Channels
    blocks: Annotated[tuple[Bottleneck, ...], Field(min_length=1, max_length=256)]
    head: Channels | Literal[0] = 0
    classes: Classes
    detector: Annotated[int, Field(ge=0, le=8192, strict=True)] = 0
    activation: Literal["RELU6", "RELU"] = "RELU6"
    padding: Literal["same", "symmetric"] = "same"
    softmax: Annotated[bool, Field(strict=True)] = False

    def model(self, name: str = "searched", seed: int = 0) -> Model:
        """Return the network with random weights.

        Parameters
        ----------
        name : str
            Of the model.
        seed : int
            Of the weights.
        """
        blocks = [Block(b.channels, b.kernel, b.expand, b.stride, b.squeeze) for b in self.blocks]
        symmetric = self.padding == "symmetric"
        design = Mobile(
            self.stem, blocks, self.head, self.activation, symmetric, self.softmax, detector=self.detector
        )
        return build_mobile(name, design, 1.0, self.resolution, self.classes, seed, self.colors)
