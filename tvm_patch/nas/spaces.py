"""Spaces that architectures are drawn from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from tvm_patch.nas.architecture import Architecture, Bottleneck
from tvm_patch.zoo.blocks import make_divisible


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
