"""A depthwise convolution on some of its channels."""

from __future__ import annotations

from dataclasses import replace

from tvm_patch.graph import Operator, Tensor


def starts_of(op: Operator, channels: int) -> range:
    """Return the first channel of each block of so many channels."""
    return range(0, op.outputs[0].shape[-1], channels)


def of_channels(op: Operator, first: int, channels: int) -> Operator:
    """Return a depthwise convolution without multiplier on `channels` channels from `first` on, or on those left."""
    total = op.outputs[0].shape[-1]
    end = min(total, first + channels)

    def cut(tensor: Tensor) -> Tensor:
        return replace(tensor, shape=(*tensor.shape[:-1], end - first))

    constants = {
        name: array[..., first:end] if array.ndim and array.shape[-1] == total else array
        for name, array in op.constants.items()
    }
    inputs, outputs = tuple(map(cut, op.inputs)), tuple(map(cut, op.outputs))
    return replace(op, inputs=inputs, outputs=outputs, constants=constants)
