"""Spaces that architectures are drawn from.

Sources: MCUNet (Lin et al. 2020), section 3.1 and supplement C; MCUNetV2 (Lin et al. 2021), supplement B.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

from tvm_patch.errors import UserError
from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.nas.space import Space, Stage
from tvm_patch.zoo.blocks import make_divisible

Made = TypeVar("Made")


def mnasnet_like(seed: int, resolutions: Sequence[int] = range(96, 257, 16)) -> Architecture:
    """Return a random record of the spaces of MCUNet (supplement C) and MCUNetV2 (supplement B).

    It has a resolution, one of nine widths, and of every block a kernel, an expansion, a depth and a width.

    Parameters
    ----------
    seed : int
        Everything random follows from it.
    resolutions : sequence of int
        To choose from.
    """
    chance = random.Random(seed)
    width = chance.choice((0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0))
    squeezes = chance.random() < 0.2
    resolution = chance.choice(resolutions)
    blocks = [Bottleneck(channels=make_divisible(16 * width), kernel=chance.choice((3, 5, 7)), expand=1)]
    stages: tuple[tuple[int, Literal[1, 2]], ...] = (
        (24, 2), (40, 2), (80, 2), (96, 1), (192, 2), (320, 1),
    )  # fmt: skip
    for channels, stride in stages:
        for index in range(1 if channels == 320 else chance.choice((2, 3, 4))):
            blocks.append(
                Bottleneck(
                    channels=make_divisible(channels * width * chance.choice((0.5, 0.75, 1.0))),
                    kernel=chance.choice((3, 5, 7)),
                    expand=chance.choice((3, 4, 6)),
                    stride=stride if index == 0 else 1,
                    squeeze=0.25 if squeezes and chance.random() < 0.5 else 0,
                )
            )
    return Architecture(
        resolution=resolution,
        stem=make_divisible(32 * width),
        blocks=tuple(blocks),
        head=chance.choice((0, make_divisible(1280 * width))),
        classes=chance.choice((2, 10, 1000)),
    )


KERNELS, EXPANSIONS, DEPTHS = (3, 5, 7), (3, 4, 6), (2, 3, 4)
"""Of blocks, and of stages: those of both papers."""
BLOCK_WIDTHS = (0.5, 0.75, 1.0)
"""Of single blocks: MCUNetV2's."""
FAMILY_WIDTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of whole spaces: MCUNet's."""
FAMILY_RESOLUTIONS = tuple(range(48, 225, 16))
"""Twelve of them: MCUNet's."""
_MNASNET: tuple[tuple[int, Literal[1, 2]], ...] = ((24, 2), (40, 2), (80, 2), (96, 1), (192, 2))
"""Channels and stride of the stages between the first block and the last."""


def mnasnet_space(
    name: str,
    resolutions: Sequence[int],
    width: float = 1.0,
    block_widths: tuple[float, ...] = (1.0,),
    patched_stages: int = 0,
    classes: int = 1000,
    colors: Literal[1, 3] = 3,
) -> Space:
    """Return a space of MnasNet's stages.

    Parameters
    ----------
    name : str
    resolutions : sequence of int
    width : float
        Of all channels.
    block_widths : tuple of float
        Of single blocks.
    patched_stages : int
        The first so many, which are to run in patches, have kernels of a single pixel too: those make no halo.
    classes, colors : int
    """

    def kernels(stage: int) -> tuple[int, ...]:
        return (1, *KERNELS) if stage < patched_stages else KERNELS

    stages = [Stage(channels=16, stride=1, depths=(1,), kernels=kernels(0), expansions=(1,))]
    for index, (channels, stride) in enumerate(_MNASNET, 1):
        stages.append(
            Stage(
                channels=channels,
                stride=stride,
                depths=DEPTHS,
                kernels=kernels(index),
                expansions=EXPANSIONS,
                widths=block_widths,
            )
        )
    stages.append(
        Stage(
            channels=320, stride=1, depths=(1,), kernels=KERNELS, expansions=EXPANSIONS, widths=block_widths
        )
    )
    return Space(
        name=name,
        resolutions=tuple(resolutions),
        width=width,
        stem=32,
        stages=tuple(stages),
        classes=classes,
        colors=colors,
    )


def mcunetv2(classes: int = 1000, colors: Literal[1, 3] = 3) -> Space:
    """Return MCUNetV2's space: a width for every block, resolutions from 96 to 256."""
    return mnasnet_space("mcunetv2", range(96, 257, 16), 1.0, BLOCK_WIDTHS, 3, classes, colors)


def mcunet_family(classes: int = 1000, colors: Literal[1, 3] = 3) -> tuple[Space, ...]:
    """Return MCUNet's 108 spaces, each of one of 12 resolutions and one of 9 widths: what its first search is among."""
    return tuple(
        mnasnet_space(
            f"mcunet-w{width:g}-r{resolution}", (resolution,), width, classes=classes, colors=colors
        )
        for width in FAMILY_WIDTHS
        for resolution in FAMILY_RESOLUTIONS
    )


TINY_RESOLUTIONS = tuple(range(32, 113, 16))
TINY_WIDTHS = (0.5, 0.75, 1.0, 1.5)


def tiny(
    name: str,
    stem: int,
    channels: Sequence[int],
    resolutions: Sequence[int] = TINY_RESOLUTIONS,
    width: float = 1.0,
    classes: int = 10,
    colors: Literal[1, 3] = 3,
) -> Space:
    """Return a space for tasks of 32 to 112 pixels: three to four stages, kernels of one pixel in the first two.

    Parameters
    ----------
    name : str
    stem : int
        Channels of the first convolution.
    channels : sequence of int
        Of the stages; all but the first halve the picture.
    resolutions : sequence of int
    width : float
        Of all channels.
    classes, colors : int
    """
    first, *others = channels
    stages = [Stage(channels=first, stride=1, depths=(1,), kernels=(1, 3, 5), expansions=(1,))]
    for index, count in enumerate(others):
        stages.append(
            Stage(
                channels=count,
                stride=2,
                depths=(1, 2, 3),
                kernels=(1, *KERNELS) if index == 0 else KERNELS,
                expansions=EXPANSIONS,
                widths=BLOCK_WIDTHS,
            )
        )
    return Space(
        name=name,
        resolutions=tuple(resolutions),
        width=width,
        stem=stem,
        stages=tuple(stages),
        classes=classes,
        colors=colors,
    )


def tiny_16k(classes: int = 10, colors: Literal[1, 3] = 3) -> Space:
    """Return a space of networks for 16 KB of SRAM and 64 to 128 KB of flash."""
    return tiny("tiny-16k", 8, (8, 16, 32, 64), classes=classes, colors=colors)


def tiny_32k(classes: int = 10, colors: Literal[1, 3] = 3) -> Space:
    """Return a space of networks for 32 KB of SRAM and 128 to 256 KB of flash."""
    return tiny("tiny-32k", 16, (16, 24, 48, 96), classes=classes, colors=colors)


def tiny_family(classes: int = 10, colors: Literal[1, 3] = 3) -> tuple[Space, ...]:
    """Return 24 tiny spaces, each of one resolution and width."""
    return tuple(
        tiny(f"tiny-w{width:g}-r{resolution}", 16, (16, 24, 48, 96), (resolution,), width, classes, colors)
        for width in TINY_WIDTHS
        for resolution in TINY_RESOLUTIONS
    )


SPACES: Mapping[str, Callable[..., Space]] = {
    "mcunetv2": mcunetv2,
    "tiny-16k": tiny_16k,
    "tiny-32k": tiny_32k,
}
"""Spaces to search in, by name; each is made for a number of classes and colors."""
FAMILIES: Mapping[str, Callable[..., tuple[Space, ...]]] = {"mcunet": mcunet_family, "tiny": tiny_family}
"""Families of spaces to choose one from, by name."""


def space_of(name: str, classes: int, colors: Literal[1, 3] = 3) -> Space:
    """Return a space by name.

    Raises
    ------
    UserError
        There is none of this name.
    """
    return _named(name, SPACES, "space")(classes, colors)


def family_of(name: str, classes: int, colors: Literal[1, 3] = 3) -> tuple[Space, ...]:
    """Return a family of spaces by name.

    Raises
    ------
    UserError
        There is none of this name.
    """
    return _named(name, FAMILIES, "family of spaces")(classes, colors)


def _named(name: str, known: Mapping[str, Made], what: str) -> Made:
    if name not in known:
        raise UserError(f"no {what} is named {name!r}; there are {', '.join(known)}")
    return known[name]
