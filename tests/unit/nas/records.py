"""Random architectures of the MnasNet family."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tvm_patch.nas.architecture import Architecture, Bottleneck

CHANNELS = (8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 256, 320)


def random_architecture(
    seed: int,
    most_stages: int = 5,
    most_blocks: int = 3,
    largest: int = 128,
    resolutions: Sequence[int] = (),
) -> Architecture:
    """Return a record with strides, residuals, squeeze-and-excite, odd sizes, and pictures of one channel or three.

    Parameters
    ----------
    seed : int
        Everything random follows from it.
    most_stages, most_blocks : int
        Stages at most, and blocks of a stage.
    largest : int
        Resolution at most.
    resolutions : sequence of int
        Instead of any up to the largest.
    """
    chance = random.Random(seed)
    stem = chance.choice((8, 16, 24, 32))
    blocks = [Bottleneck(channels=chance.choice((8, 16)), kernel=chance.choice((3, 5)), expand=1)]
    at = 1
    for _ in range(chance.randint(1, most_stages)):
        at = min(at + chance.randint(0, 2), len(CHANNELS) - 1)
        squeeze = chance.choice((0, 0, 0.25, 0.5))
        stride = chance.choice((1, 2, 2))
        for index in range(chance.randint(1, most_blocks)):
            blocks.append(
                Bottleneck(
                    channels=CHANNELS[at],
                    kernel=chance.choice((1, 3, 5, 7)),
                    expand=chance.choice((1, 1.5, 3, 4, 6)),
                    stride=stride if index == 0 else 1,
                    squeeze=squeeze,
                )
            )
    return Architecture(
        resolution=chance.choice(resolutions) if resolutions else chance.randint(24, largest),
        stem=stem,
        blocks=tuple(blocks),
        head=chance.choice((0, 64, 320)),
        classes=chance.choice((1, 2, 10, 100)),
        activation=chance.choice(("RELU", "RELU6")),
        softmax=chance.random() < 0.5,
        padding=chance.choice(("same", "same", "symmetric")),
        colors=chance.choice((3, 3, 1)),
    )
