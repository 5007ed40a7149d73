"""Edits that move work from one part of a network to another, as plain data, and the arithmetic of windows they need.

Nothing here imports TVM.  :class:`relay_passes.redistribute.Redistribute` carries edits out.  All of them name tensors
of the network before any edit, so that their order does not matter, but for blocks inserted after the same tensor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tvm_patch.errors import UnsupportedError


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


def resized_kernel(weight: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return weights whose first two axes have another size: cropped at the centre, or with zeros around.

    Parameters
    ----------
    weight : ndarray
        Axes 0 and 1 are rows and columns of the window.
    size : tuple of int
        New rows and columns.

    Raises
    ------
    UnsupportedError
        When the centre would move by half an element.
    """
    for axis, (old, new) in enumerate(zip(weight.shape, size, strict=False)):
        if new < 1 or (new - old) % 2:
            raise UnsupportedError(
                f"a window of {old} {'columns' if axis else 'rows'} cannot become one of {new} around the same centre",
                way_out="change its size by an even number",
            )
        step = abs(new - old) // 2
        if new > old:
            weight = np.pad(weight, [(step, step) if a == axis else (0, 0) for a in range(weight.ndim)])
        else:
            weight = weight.take(range(step, step + new), axis)
    return weight


@dataclass(frozen=True)
class Axis:
    """How a window slides along one axis.

    Attributes
    ----------
    taps, stride, dilation : int
    before, after : int
        Padding.
    extent, made : int
        Elements of the input and of the output.
    """

    taps: int
    stride: int
    dilation: int
    before: int
    after: int
    extent: int
    made: int

    def resized(self, taps: int) -> tuple[int, int]:
        """Return padding before and after with which `taps` taps give as many outputs around the same centres.

        A window that shrinks to where the network's own padding cannot follow (3 taps with stride 2 and no padding
        before) starts at element 0 instead: its centres move by a part of a stride.
        """
        before = max(0, self.before + (taps - self.taps) // 2 * self.dilation)
        reach = (taps - 1) * self.dilation + 1
        return before, max(0, (self.made - 1) * self.stride + reach - self.extent - before)
