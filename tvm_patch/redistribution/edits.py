"""Edits that move work from one part of a network to another, as plain data.

:func:`tvm_patch.redistribution.edit_model.edit_model` carries them out.  All of them name tensors of the network before
any edit, so that their order does not matter, but for blocks inserted after the same tensor.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SetKernel:
    """Give a convolution, plain or depthwise, a window of another size around the same centre.

    What is cut off is lost; what is added is zero, so growth keeps the function bit for bit.

    Attributes
    ----------
    operator : str
        The tensor that the convolution makes.
    size : tuple of int
        Rows and columns.
    """

    operator: str
    size: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.operator}: window {self.size[0]}×{self.size[1]}"


@dataclass(frozen=True)
class RemoveBlock:
    """Take out a residual block; what reads its output reads its input.

    Attributes
    ----------
    output : str
        The tensor that the block's addition makes.
    """

    output: str

    def __str__(self) -> str:
        return f"{self.output}: block removed"


@dataclass(frozen=True)
class InsertBlock:
    """Put a copy of a residual block after a tensor, with a projection of zeros, so that it changes nothing yet.

    Attributes
    ----------
    after : str
        The tensor that the block reads; what read that reads the block.
    like : str
        The output of the block to copy: same shape as `after`.
    """

    after: str
    like: str

    def __str__(self) -> str:
        return f"{self.after}: block like that of {self.like} inserted behind"


Edit = SetKernel | RemoveBlock | InsertBlock


def named(edit: Edit) -> str:
    """Return the tensor that an edit is about."""
    if isinstance(edit, SetKernel):
        return edit.operator
    return edit.output if isinstance(edit, RemoveBlock) else edit.after
