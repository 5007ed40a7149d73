"""Operators on some of their output channels: depthwise convolutions, and 1×1 convolutions before them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tvm_patch.graph import Operator, Tensor


def starts_of(op: Operator, channels: int) -> range:
    """Return the first channel of each block of so many channels."""
    return range(0, op.outputs[0].shape[-1], channels)


def of_channels(op: Operator, first: int, channels: int) -> Operator:
    """Return an operator on `channels` output channels from `first` on, or on those left.

    Parameters
    ----------
    op : Operator
        A depthwise convolution without multiplier, of which the inputs are cut as well, or a convolution.
    first, channels : int
    """
    total = op.outputs[0].shape[-1]
    end = min(total, first + channels)

    def cut(tensor: Tensor) -> Tensor:
        return replace(tensor, shape=(*tensor.shape[:-1], end - first))

    def part(name: str, array: np.ndarray) -> np.ndarray:
        if name == "weight" and op.kind == "conv2d":
            return array[first:end]
        return array[..., first:end] if array.ndim and array.shape[-1] == total else array

    return replace(
        op,
        inputs=op.inputs if op.kind == "conv2d" else tuple(map(cut, op.inputs)),
        outputs=tuple(map(cut, op.outputs)),
        constants={name: part(name, array) for name, array in op.constants.items()},
    )
