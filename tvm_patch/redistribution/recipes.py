"""Redistributions with a name."""

from __future__ import annotations

from collections.abc import Callable

from tvm_patch.errors import UnsupportedError, UserError
from tvm_patch.redistribution.edits import Edit, InsertBlock, RemoveBlock, SetKernel
from tvm_patch.redistribution.structure import Structure

Recipe = Callable[[Structure], list[Edit]]

_MOBILENETV2_BLOCKS = [1, 2, 3, 2, 2]
"""Residual blocks of MobileNetV2's stages of 24, 32, 64, 96 and 160 channels."""


def mobilenetv2_rd(structure: Structure) -> list[Edit]:
    """Return the edits of MCUNetV2's MobileNetV2-RD.

    The first block's depthwise convolution becomes 1 × 1, the block of 24 channels moves later: the stages of 32 and
    160 channels have one block more.

    Raises
    ------
    UnsupportedError
        When the network is not a MobileNetV2 of any width.
    """
    found = [len(stage) for stage in structure.stages]
    if found != _MOBILENETV2_BLOCKS:
        raise UnsupportedError(
            f"recipe mobilenetv2-rd wants {_MOBILENETV2_BLOCKS} residual blocks in its stages, "
            f"{structure.network.name} has {found}",
            way_out="use --search",
        )
    first = next(op for op in structure.windows if op.kind == "depthwise_conv2d")
    early, narrow, _, _, wide = structure.stages
    return [
        SetKernel(first.outputs[0], (1, 1)),
        RemoveBlock(early[0].output),
        InsertBlock(narrow[-1].output, narrow[-1].output),
        InsertBlock(wide[-1].output, wide[-1].output),
    ]


RECIPES: dict[str, Recipe] = {"mobilenetv2-rd": mobilenetv2_rd}
"""By the name that ``--recipe`` takes."""


def recipe_named(name: str) -> Recipe:
    """Return a recipe.

    Raises
    ------
    UserError
        When there is none of that name.
    """
    if name not in RECIPES:
        raise UserError(f"no recipe {name}; there are {', '.join(RECIPES)}; or use --search")
    return RECIPES[name]
