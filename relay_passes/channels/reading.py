"""How an operator's channels hang together: which input channel an output channel is made of, and who mixes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from relay_passes.channels.ranges import channels_of
from tvm_patch.graph import Operator

IndexArray = npt.NDArray[np.int64]

NOTHING = -1
"""Instead of an input channel where an output channel is made of none (padding)."""

MIXING = ("conv2d", "transpose_conv2d", "fully_connected")
"""Output channels are free, and each reads the input channels for which it has weights."""

_ELEMENTWISE = ("lookup", "prelu", "add", "sub", "mul", "maximum", "minimum")
_PER_CHANNEL = ("depthwise_conv2d", "avg_pool2d", "max_pool2d", "resize_nearest", "resize_bilinear")


def mixes(op: Operator) -> bool:
    """Tell whether filters mix the input's channels, and which ones can be read off the weights."""
    if op.kind == "conv2d":
        return bool(op.constants["weight"].shape[3] == channels_of(op.inputs[0]))
    if op.kind == "fully_connected":
        outputs, inputs = op.constants["weight"].shape
        return not inputs % channels_of(op.inputs[0]) and bool(channels_of(op.outputs[0]) == outputs)
    return op.kind in MIXING


def picks(op: Operator) -> bool:
    """Tell whether the output has some of the input's channels, of which it may have fewer than the input."""
    return op.kind == "take" and bool(op.attrs["axis"] == len(op.inputs[0].shape) - 1)


def filters_of(op: Operator) -> npt.NDArray[np.int64]:
    """Return the weights of an operator that mixes channels as (outputs, taps, input channels)."""
    weight = op.constants["weight"].astype(np.int64)
    return weight.reshape(weight.shape[0], -1, channels_of(op.inputs[0]))


def channel_maps(op: Operator) -> list[IndexArray] | None:
    """Return for each input the channel that each output channel is made of, or :data:`NOTHING`.

    None where channels mix, or where it is not known: every channel of the inputs is then needed and every channel of
    the outputs kept, unless :func:`mixes` says more.
    """
    if len(op.outputs) != 1:
        return None
    made = channels_of(op.outputs[0])
    each = np.arange(made)
    if op.kind == "concat":
        return _concat(op, made)
    if op.kind in _ELEMENTWISE:
        # One channel under many is read by all of them; it is the only one and stays.
        return [each if channels_of(t) == made else np.full(made, NOTHING) for t in op.inputs]
    read = channels_of(op.inputs[0])
    if op.kind in _PER_CHANNEL:
        return [each // (made // read)]
    if op.kind == "pad":
        before = int(op.attrs["pad_width"][-2]) if op.attrs["pad_width"] else 0
        inside = (each >= before) & (each < before + read)
        return [np.where(inside, each - before, NOTHING)]
    if op.kind in ("reshape", "tile"):
        # Elements stay in their order: channels come round again, as long as a row holds them a whole number of times.
        return [each % read] if read and made % read == 0 else None
    if picks(op):
        return [op.constants["indices"] % read] if op.constants["indices"].ndim == 1 else None
    return [each] if _keeps_last_axis(op) else None


def _concat(op: Operator, made: int) -> list[IndexArray]:
    if int(op.attrs["axis"]) != len(op.outputs[0].shape) - 1:
        return [np.arange(made) for _ in op.inputs]
    maps, begin = [], 0
    for tensor in op.inputs:
        index = np.full(made, NOTHING)
        index[begin : begin + channels_of(tensor)] = np.arange(channels_of(tensor))
        maps.append(index)
        begin += channels_of(tensor)
    return maps


def _keeps_last_axis(op: Operator) -> bool:
    """Tell whether a reduction or movement leaves the last axis alone."""
    last = len(op.inputs[0].shape) - 1
    if op.kind in ("mean", "reduce_max"):
        return last not in op.attrs["axes"]
    if op.kind == "permute_dims":
        return bool(op.attrs["axes"]) and op.attrs["axes"][-1] == last
    if op.kind == "strided_slice":
        return last not in op.attrs["axes"]
    return op.kind == "take"  # along another axis
