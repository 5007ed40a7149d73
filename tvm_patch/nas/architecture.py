"""An architecture of the MnasNet family as a record: what a search changes, and what everything else follows from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tvm_patch.errors import UserError
from tvm_patch.files import write_text
from tvm_patch.tflite.model import Model
from tvm_patch.versioned_json import read_versioned
from tvm_patch.zoo.blocks import Block, Mobile, build_mobile

FORMAT: Literal["tvm-patch architecture"] = "tvm-patch architecture"
VERSION: Literal[1] = 1
"""Of the format; a file of another version is refused."""

_Channels = Annotated[int, Field(ge=8, le=8192, multiple_of=8, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bottleneck(_Part):
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

    channels: _Channels
    kernel: Annotated[int, Field(ge=1, le=11, strict=True)] = 3
    expand: Annotated[float, Field(ge=1, le=16, allow_inf_nan=False)] = 6
    stride: Literal[1, 2] = 1
    squeeze: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0

    @model_validator(mode="after")
    def _is_odd(self) -> Bottleneck:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}: it must be odd")
        return self


class Architecture(_Part):
    """An image classifier: a 3×3 convolution of stride 2, inverted bottlenecks, a 1×1 convolution, mean, one layer.

    Attributes
    ----------
    resolution : int
        Height and width of the picture, which has three channels.
    stem : int
        Channels of the first convolution; a multiple of 8.
    blocks : tuple of Bottleneck
    head : int
        Channels of the last convolution; a multiple of 8, or 0 for none.
    classes : int
        Outputs.
    activation : {"RELU6", "RELU"}
        Everywhere but after projections.
    padding : {"same", "symmetric"}
        TFLite's SAME, or half a kernel on each side of strided convolutions and a pool instead of the mean, as networks
        from PyTorch have it.
    softmax : bool
        Whether the network ends in a SOFTMAX.
    """

    format: Literal["tvm-patch architecture"] = FORMAT
    version: Literal[1] = VERSION
    resolution: Annotated[int, Field(ge=8, le=2048, strict=True)]
    stem: _Channels
    blocks: Annotated[tuple[Bottleneck, ...], Field(min_length=1, max_length=256)]
    head: _Channels | Literal[0] = 0
    classes: Annotated[int, Field(ge=1, le=10_000, strict=True)]
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
        design = Mobile(self.stem, blocks, self.head, self.activation, symmetric, self.softmax)
        return build_mobile(name, design, 1.0, self.resolution, self.classes, seed)

    def to_json(self) -> str:
        """Return the record as JSON."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Architecture:
        """Return the record that a JSON text describes.

        Raises
        ------
        UserError
            When it is none of this version; names the field.
        """
        return read_versioned(text, cls, "architecture")

    def save(self, path: Path | str) -> Path:
        """Write the record as JSON, all of it or nothing.

        Raises
        ------
        UserError
            When the file cannot be written.
        """
        return write_text(Path(path), self.to_json())

    @classmethod
    def load(cls, path: Path | str) -> Architecture:
        """Read a record.

        Raises
        ------
        UserError
            When the file cannot be read, or is no record of this version; names the field.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{path} is not an architecture: not UTF-8 text") from error
        except OSError as error:
            raise UserError(f"cannot read the architecture {path}: {error.strerror}") from error
        try:
            return cls.from_json(text)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
