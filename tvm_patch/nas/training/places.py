"""Where every block of a super network stands, and how much of it a subnet uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tvm_patch.errors import UserError
from tvm_patch.nas.space import Space, Subnet
from tvm_patch.zoo.blocks import make_divisible


class Place(NamedTuple):
    """A block of the super network, at its largest.

    Attributes
    ----------
    stage, number : int
        Its stage, and which of its blocks it is.
    stride : int
        Of the depthwise convolution.
    inputs, inner, outputs : int
        Channels of the input, of the depthwise convolution and of the output.
    kernel : int
        Of the depthwise convolution.
    expands : bool
        Whether a 1×1 convolution makes the inner channels.
    reduced : int
        Channels between the two layers of squeeze-and-excite; 0 for none.
    """

    stage: int
    number: int
    stride: int
    inputs: int
    inner: int
    outputs: int
    kernel: int
    expands: bool
    reduced: int


class Use(NamedTuple):
    """How much of a block a subnet uses; all of it is the first of everything.

    Attributes
    ----------
    kernel : int
        0 where the block is left out.
    inputs, inner, outputs, reduced : int
        Channels.
    """

    kernel: int
    inputs: int
    inner: int
    outputs: int
    reduced: int


def places_of(space: Space) -> list[Place]:
    """Return the blocks of a space's super network in run order.

    Raises
    ------
    UserError
        When a stage may both have and not have expansions: its blocks would have no weights in common.
    """
    found = []
    inputs = space.stem_channels
    for at, stage in enumerate(space.stages):
        if 1 in stage.expansions and max(stage.expansions) > 1:
            raise UserError(
                f"stage {at} of the space {space.name} has expansions {_list(stage.expansions)}: a super network "
                f"has either blocks that expand or blocks that do not; leave 1 out, or all others"
            )
        outputs = space.channels(at, max(stage.widths))
        for index in range(max(stage.depths)):
            expand = max(stage.expansions)
            found.append(
                Place(
                    stage=at,
                    number=index,
                    stride=stage.stride if index == 0 else 1,
                    inputs=inputs,
                    inner=make_divisible(inputs * expand) if expand > 1 else inputs,
                    outputs=outputs,
                    kernel=max(stage.kernels),
                    expands=expand > 1,
                    reduced=make_divisible(inputs * stage.squeeze) if stage.squeeze else 0,
                )
            )
            inputs = outputs
    return found


def uses_of(space: Space, subnet: Subnet) -> np.ndarray:
    """Return what a subnet uses of every block.

    Returns
    -------
    ndarray
        int32 (blocks of :func:`places_of`, fields of :class:`Use`).

    Raises
    ------
    UserError
        When the subnet is not of this space.
    """
    if not space.holds(subnet):
        raise UserError(f"the subnet is not one of the space {space.name}")
    return np.array(list(_uses(space, subnet)), np.int32)


def _uses(space: Space, subnet: Subnet) -> Iterator[Use]:
    inputs = space.stem_channels
    for number, (stage, blocks) in enumerate(zip(space.stages, subnet.stages, strict=True)):
        for block in blocks:
            outputs = space.channels(number, block.width)
            inner = make_divisible(inputs * block.expand) if block.expand > 1 else inputs
            reduced = make_divisible(inputs * stage.squeeze) if stage.squeeze else 0
            yield Use(block.kernel, inputs, inner, outputs, reduced)
            inputs = outputs
        for _ in range(max(stage.depths) - len(blocks)):
            yield Use(0, inputs, inputs, inputs, 0)


def _list(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
