"""A space of architectures: what a search may choose, and what a super network has weights for.

Sources: MCUNet (Lin et al. 2020), section 3.1 and supplement C; MCUNetV2 (Lin et al. 2021), section 3.3 and
supplement B.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from tvm_patch.errors import UserError
from tvm_patch.nas.architecture import (
    Architecture,
    Bottleneck,
    Channels,
    Classes,
    Expansion,
    Kernel,
    Resolution,
    Squeeze,
)
from tvm_patch.nas.record import Part, Record
from tvm_patch.zoo.blocks import make_divisible

Width = Annotated[float, Field(gt=0, le=4, allow_inf_nan=False)]
Choice = TypeVar("Choice")
_Choices = Field(min_length=1, max_length=16)


class BlockChoice(Part):
    """What is chosen of one block.

    Attributes
    ----------
    kernel : int
        Of the depthwise convolution.
    expand : float
        Channels inside, as a multiple of the input's.
    width : float
        Of the output's channels, as a part of the stage's.
    """

    kernel: Kernel
    expand: Expansion
    width: Width


class Subnet(Record):
    """One choice out of a space.

    Attributes
    ----------
    resolution : int
    stages : tuple of tuple of BlockChoice
        The first blocks of every stage; the others are left out.
    """

    kind: ClassVar[str] = "subnet"
    format: Literal["tvm-patch subnet"] = "tvm-patch subnet"
    version: Literal[1] = 1
    resolution: Resolution
    stages: tuple[tuple[BlockChoice, ...], ...]


class Stage(Part):
    """Blocks of one resolution.

    Attributes
    ----------
    channels : int
        Of the output, before the space's width and the block's.
    stride : int
        Of the first block.
    depths : tuple of int
        How many blocks there may be.
    kernels : tuple of int
        Of the depthwise convolutions.
    expansions : tuple of float
        Channels inside, as multiples of the input's.
    widths : tuple of float
        Of the blocks.
    squeeze : float
        Width of squeeze-and-excite in every block, as a part of its input's channels; 0 for none.
    """

    channels: Annotated[int, Field(ge=1, le=8192, strict=True)]
    stride: Literal[1, 2]
    depths: Annotated[tuple[Annotated[int, Field(ge=1, le=16, strict=True)], ...], _Choices]
    kernels: Annotated[tuple[Kernel, ...], _Choices]
    expansions: Annotated[tuple[Expansion, ...], _Choices]
    widths: Annotated[tuple[Width, ...], _Choices] = (1.0,)
    squeeze: Squeeze = 0

    def draw_block(self, chance: random.Random) -> BlockChoice:
        """Return a block, each of its choices at random."""
        return BlockChoice(
            kernel=chance.choice(self.kernels),
            expand=chance.choice(self.expansions),
            width=chance.choice(self.widths),
        )

    def holds(self, blocks: Sequence[BlockChoice]) -> bool:
        """Return whether these blocks are among the choices."""
        return len(blocks) in self.depths and all(
            b.kernel in self.kernels and b.expand in self.expansions and b.width in self.widths
            for b in blocks
        )

    @property
    def size(self) -> int:
        """How many choices there are."""
        block = len(set(self.kernels)) * len(set(self.expansions)) * len(set(self.widths))
        return sum(block**depth for depth in set(self.depths))


class Space(Record):
    """Architectures that differ in resolution, and in the kernel, expansion, width and number of blocks.

    Attributes
    ----------
    name : str
    resolutions : tuple of int
        Of the picture.
    width : float
        Multiplies all channels, as in MCUNet's search for the space itself.
    stem, head : int
        Channels of the first and of the last convolution, before the width; no head at 0.
    stages : tuple of Stage
    classes : int
    colors : int
        Channels of the picture.
    detector : int
        Channels of the map that detectors give; 0 for classifiers.
    """

    kind: ClassVar[str] = "space"
    format: Literal["tvm-patch space"] = "tvm-patch space"
    version: Literal[1] = 1
    name: str
    resolutions: Annotated[tuple[Resolution, ...], Field(min_length=1, max_length=256)]
    width: Width = 1.0
    stem: Channels
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=32)]
    head: Channels | Literal[0] = 0
    classes: Classes
    colors: Literal[1, 3] = 3
    detector: Annotated[int, Field(ge=0, le=8192, strict=True)] = 0

    @property
    def size(self) -> int:
        """How many subnets there are."""
        return len(set(self.resolutions)) * math.prod(stage.size for stage in self.stages)

    @property
    def stem_channels(self) -> int:
        """Of the first convolution."""
        return make_divisible(self.stem * self.width)

    @property
    def head_channels(self) -> int:
        """Of the last convolution; 0 for none."""
        return make_divisible(self.head * self.width) if self.head else 0

    def channels(self, stage: int, width: float) -> int:
        """Return the channels that a block of a stage makes at a width of its own."""
        return make_divisible(self.stages[stage].channels * self.width * width)

    def architecture(self, subnet: Subnet) -> Architecture:
        """Return the architecture that a subnet is.

        Raises
        ------
        UserError
            When the subnet is not of this space.
        """
        if not self.holds(subnet):
            raise UserError(f"the subnet is not one of the space {self.name}")
        blocks = [
            Bottleneck(
                channels=self.channels(index, block.width),
                kernel=block.kernel,
                expand=block.expand,
                stride=stage.stride if first else 1,
                squeeze=stage.squeeze,
            )
            for index, (stage, chosen) in enumerate(zip(self.stages, subnet.stages, strict=True))
            for first, block in zip([True, *[False] * len(chosen)], chosen, strict=False)
        ]
        return Architecture(
            resolution=subnet.resolution,
            colors=self.colors,
            stem=self.stem_channels,
            blocks=tuple(blocks),
            head=self.head_channels,
            classes=self.classes,
            detector=self.detector,
        )

    def holds(self, subnet: Subnet) -> bool:
        """Return whether a subnet is one of this space."""
        return (
            subnet.resolution in self.resolutions
            and len(subnet.stages) == len(self.stages)
            and all(stage.holds(blocks) for stage, blocks in zip(self.stages, subnet.stages, strict=True))
        )

    def draw(self, chance: random.Random) -> Subnet:
        """Return a subnet, each of its choices at random."""
        return Subnet(
            resolution=chance.choice(self.resolutions),
            stages=tuple(
                tuple(stage.draw_block(chance) for _ in range(chance.choice(stage.depths)))
                for stage in self.stages
            ),
        )

    def largest(self) -> Subnet:
        """Return the subnet with the most of everything; its weights are all weights."""
        return self._extreme(max)

    def smallest(self) -> Subnet:
        """Return the subnet with the least of everything."""
        return self._extreme(min)

    def _extreme(self, pick: Callable[[Sequence[float]], float]) -> Subnet:
        stages = []
        for stage in self.stages:
            block = BlockChoice(
                kernel=int(pick(stage.kernels)), expand=pick(stage.expansions), width=pick(stage.widths)
            )
            stages.append((block,) * int(pick(stage.depths)))
        return Subnet(resolution=int(pick(self.resolutions)), stages=tuple(stages))

    def mutated(self, subnet: Subnet, chance: random.Random, probability: float) -> Subnet:
        """Return a subnet of which each choice is made anew with a probability.

        Blocks that a stage gains are drawn.

        Parameters
        ----------
        subnet : Subnet
        chance : random.Random
        probability : float
            Of each choice.
        """

        def again(old: Choice, choices: Sequence[Choice]) -> Choice:
            return chance.choice(choices) if chance.random() < probability else old

        stages = []
        for stage, blocks in zip(self.stages, subnet.stages, strict=True):
            depth = again(len(blocks), stage.depths)
            kept = [
                BlockChoice(
                    kernel=again(block.kernel, stage.kernels),
                    expand=again(block.expand, stage.expansions),
                    width=again(block.width, stage.widths),
                )
                for block in blocks[:depth]
            ]
            kept += [stage.draw_block(chance) for _ in range(depth - len(kept))]
            stages.append(tuple(kept))
        resolution = again(subnet.resolution, self.resolutions)
        return Subnet(resolution=resolution, stages=tuple(stages))

    def crossed(self, one: Subnet, other: Subnet, chance: random.Random) -> Subnet:
        """Return a subnet that has each choice from one of two parents.

        Parameters
        ----------
        one, other : Subnet
        chance : random.Random
        """
        stages = []
        for mine, theirs in zip(one.stages, other.stages, strict=True):
            depth = len(chance.choice((mine, theirs)))
            blocks = []
            for index in range(depth):
                pair = [blocks[index] for blocks in (mine, theirs) if index < len(blocks)]
                blocks.append(
                    BlockChoice(
                        kernel=chance.choice(pair).kernel,
                        expand=chance.choice(pair).expand,
                        width=chance.choice(pair).width,
                    )
                )
            stages.append(tuple(blocks))
        return Subnet(resolution=chance.choice((one.resolution, other.resolution)), stages=tuple(stages))
