"""Known networks as records: what searched ones are compared with."""

from __future__ import annotations

from typing import Literal

from tvm_patch.errors import UserError
from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.zoo.blocks import Mobile, make_divisible
from tvm_patch.zoo.mcunet import MCUNETS
from tvm_patch.zoo.mobilenet_v2 import MOBILENET_V2
from tvm_patch.zoo.proxyless import PROXYLESS_MOBILE

_PUBLISHED = {
    "mcunet-in3": ("mcunet_in3", 176, 1000),
    "mcunet-vww1": ("mcunet_vww1", 80, 2),
    "mcunet-vww2": ("mcunet_vww2", 144, 2),
}
"""The design, the resolution and the classes of the authors' files."""
PUBLISHED = tuple(_PUBLISHED)
"""Names of published networks."""


def of_design(
    design: Mobile, resolution: int, classes: int, width: float = 1.0, colors: Literal[1, 3] = 3
) -> Architecture:
    """Return a network of the zoo as a record.

    Parameters
    ----------
    design : Mobile
    resolution, classes : int
    width : float
        Multiplies all channels; the head's too, unless the design says that it does not shrink.
    colors : int
        Channels of the picture.
    """
    head_width = max(width, 1.0) if design.fixed_head else width
    return Architecture(
        resolution=resolution,
        colors=colors,
        stem=make_divisible(design.stem * width),
        blocks=tuple(
            Bottleneck(**{**block._asdict(), "channels": make_divisible(block.channels * width)})
            for block in design.blocks
        ),
        head=make_divisible(design.head * head_width) if design.head else 0,
        classes=classes,
        activation="RELU" if design.activation == "RELU" else "RELU6",
        padding="symmetric" if design.symmetric_padding else "same",
        softmax=design.softmax,
    )


def mobilenet_v2(
    width: float, resolution: int, classes: int = 1000, colors: Literal[1, 3] = 3
) -> Architecture:
    """Return MobileNetV2; parameters are those of :func:`of_design`."""
    return of_design(MOBILENET_V2, resolution, classes, width, colors)


def proxyless(width: float, resolution: int, classes: int = 1000, colors: Literal[1, 3] = 3) -> Architecture:
    """Return ProxylessNAS-Mobile; parameters are those of :func:`of_design`."""
    return of_design(PROXYLESS_MOBILE, resolution, classes, width, colors)


def published(name: str) -> Architecture:
    """Return a network of MCUNet's authors, one of :data:`PUBLISHED`.

    Raises
    ------
    UserError
        There is none of this name.
    """
    if name not in _PUBLISHED:
        raise UserError(f"no published network is named {name!r}; there are {', '.join(PUBLISHED)}")
    design, resolution, classes = _PUBLISHED[name]
    return of_design(MCUNETS[design].design, resolution, classes)
