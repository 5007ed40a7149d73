"""What operators with weights share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tvm_patch.tflite.model import Operator, Quantization, quoted
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.use import FULL_INT8, Role, Use


def check_channels(use: Use, channels: int) -> None:
    """Refuse a bias, or scales of weights, of another number than the output's channels."""
    position = use.position(Role.BIAS)
    if position is not None and (bias := use.tensor(position)).size != channels:
        raise use.refuse(f"bias {quoted(bias.name)} has {bias.size} numbers for {channels} channels")
    weight = use.tensor(1)
    q = weight.quantization
    if q is not None and q.per_channel and q.scale.size != channels:
        raise use.refuse(f"weights {quoted(weight.name)} have {q.scale.size} scales for {channels} channels")


def check_weights(use: Use) -> None:
    """Refuse weights that are not symmetric int8, and biases that are not int32 with zero point 0."""
    for constant in (t for t in use.inputs[1:] if t is not None):
        if constant.is_constant and 0 in constant.shape:
            raise use.refuse(
                f"constant {quoted(constant.name)} of shape {list(constant.shape)} is empty",
                "convert the network again",
            )
    weight = use.tensor(1)
    if weight.dtype != "int8" or weight.quantization is None:
        lacking = "" if weight.quantization is not None else " without a scale"
        raise use.refuse(
            f"weights {quoted(weight.name)} are {weight.dtype}{lacking}, not quantized int8", FULL_INT8
        )
    if np.any(weight.quantization.zero_point != 0):
        raise use.refuse(f"weights {quoted(weight.name)} have a zero point", "use symmetric int8 weights")
    position = use.position(Role.BIAS)
    if position is None:
        return
    bias = use.tensor(position)
    if bias.dtype != "int32":
        raise use.refuse(f"bias {quoted(bias.name)} is {bias.dtype}, not int32", FULL_INT8)
    if bias.quantization is not None and np.any(bias.quantization.zero_point != 0):
        raise use.refuse(f"bias {quoted(bias.name)} has a zero point", FULL_INT8)


def weights_in_order(r: Rewriter, op: Operator, bias: int = 2, axis: int = 0) -> Operator:
    """Return `op` with the scales of its weights along `axis` (some files say another) and its bias in a row.

    Parameters
    ----------
    r : Rewriter
        Gets the tensors that change.
    op : Operator
        Its weights are input 1.
    bias : int
        Which input is the bias.
    axis : int
        Where the kind has the output's channels in its weights; where there is one scale, 0 is written.
    """
    weight = r.tensors[op.inputs[1]]
    q = weight.quantization
    axis = axis if q is not None and q.per_channel else 0
    if q is not None and q.axis != axis:
        moved = r.add(replace(weight, quantization=Quantization(q.scale, q.zero_point, axis)))
        op = replace(op, inputs=(op.inputs[0], moved, *op.inputs[2:]))
    if len(op.inputs) > bias and op.inputs[bias] >= 0:
        numbers = r.tensors[op.inputs[bias]]
        if numbers.data is not None and len(numbers.shape) != 1:
            flat = numbers.data.reshape(-1)
            row = r.add(replace(numbers, shape=flat.shape, data=flat, quantization=None))
            op = replace(op, inputs=(*op.inputs[:bias], row))
    return op
