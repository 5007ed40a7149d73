"""Checks of a model's meaning, after its bytes have been found sound.

What passes here can be walked without care: indices are in range, operators are in an order in which they can
run, sizes fit in 32 bits, quantization is usable.  Whether the shapes of an operator's tensors agree is the
frontend's question.
"""

from __future__ import annotations

from math import prod

import numpy as np

from tvm_patch.errors import ModelFormatError, UnsupportedError
from tvm_patch.tflite.model import ITEM_SIZE, Model, Operator, Tensor, tensor_where
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.schema import CALLING_KINDS, COMPILED_CUSTOM, STATE_KINDS

_MAX_BYTES = 2**31 - 1  # element offsets are 32-bit everywhere below; no microcontroller has more
_WAY_OUT = "convert the model with static shapes"


def check_tensor(tensor: Tensor, where: str) -> None:
    """Check one tensor by itself.

    Parameters
    ----------
    tensor : Tensor
        The tensor.
    where : str
        Its name in messages.

    Raises
    ------
    ModelFormatError
        Absurd size, signature that contradicts the shape, unusable quantization.
    """
    if prod(tensor.shape) * ITEM_SIZE.get(tensor.dtype, 1) > _MAX_BYTES:
        raise ModelFormatError(f"{where} has shape {list(tensor.shape)}, which is more than 2 GiB")
    signature = tensor.shape_signature
    # Tools that cut tensors up leave old extents in the signature; only its -1 entries mean something.
    if signature is not None and (len(signature) != len(tensor.shape) or min(signature) < -1):
        raise ModelFormatError(
            f"{where} has shape {list(tensor.shape)} but shape signature {list(signature[:9])}"
        )
    if tensor.quantization is not None:
        _check_quantization(tensor, where)


def _check_quantization(tensor: Tensor, where: str) -> None:
    quantization = tensor.quantization
    assert quantization is not None
    scale, zero_point = quantization.scale, quantization.zero_point
    # Folded batch normalization leaves negative scales on single channels of weights and biases (mcunet-in3
    # has dozens); the reference kernels take them as they are.
    signed = tensor.is_constant and quantization.per_channel
    if not (np.isfinite(scale).all() and (signed or (scale > 0).all())):
        raise ModelFormatError(f"{where} has a quantization scale that is not a positive number")
    if tensor.dtype in ITEM_SIZE:
        limits = np.iinfo(tensor.dtype)
        if zero_point.min() < int(limits.min) or zero_point.max() > int(limits.max):
            raise ModelFormatError(f"{where} has a zero point that {tensor.dtype} cannot hold")
    if quantization.per_channel:
        axis, rank = quantization.axis, len(tensor.shape)
        if not 0 <= axis < rank or tensor.shape[axis] != scale.size:
            raise ModelFormatError(
                f"{where} has shape {list(tensor.shape)} but {scale.size} scales along axis {axis}"
            )


def check_operator(operator: Operator) -> None:
    """Refuse operators for which the whole network is the wrong one to compile.

    Parameters
    ----------
    operator : Operator
        As the file has it; its tensors may be anything.

    Raises
    ------
    UnsupportedError
        It runs other subgraphs, keeps state, or stands for what another compiler has made.
    """
    if operator.kind in STATE_KINDS:
        raise UnsupportedError(
            "this network keeps state between inferences in resource variables, which is not supported",
            operator.where,
            "export it with its state as inputs and outputs, and feed the outputs back",
        )
    if operator.kind in CALLING_KINDS:
        raise UnsupportedError(
            "control flow (other subgraphs run from this one) is not supported",
            operator.where,
            "export the network without loops and conditions: unroll them, or run the parts one by one",
        )
    if operator.custom_code in COMPILED_CUSTOM:
        compiler, device = COMPILED_CUSTOM[operator.custom_code]
        raise UnsupportedError(
            f"{compiler} has compiled this file for {device}, which alone can run it",
            operator.where,
            f"give the .tflite file from before {compiler}",
        )


def check_model(model: Model) -> None:
    """Check that the graph can be walked and run in the order given.

    Parameters
    ----------
    model : Model
        Tensors have passed :func:`check_tensor`.

    Raises
    ------
    ModelFormatError
        An index out of range, a tensor that nothing produces or two operators produce, a wrong number of
        inputs.
    UnsupportedError
        A tensor in use has a dynamic shape, no elements or a type that no kernel handles.
    """
    if not model.outputs:
        raise ModelFormatError("the model has no outputs")
    count = len(model.tensors)
    available = [tensor.is_constant for tensor in model.tensors]
    for index in model.inputs:
        _check_index(index, count, "the model's inputs")
        if available[index]:
            raise ModelFormatError(f"{_where(model, index)} is an input twice, or an input and a constant")
        available[index] = True
        _check_usable(model, index, "the model's inputs")
    for operator in model.operators:
        _check_arity(operator)
        for index in operator.inputs:
            if index == -1:
                continue
            _check_index(index, count, operator.where)
            _check_usable(model, index, operator.where)
            if not available[index]:
                raise ModelFormatError(
                    f"{operator.where} reads {_where(model, index)}, which nothing before it produces"
                )
        for index in operator.outputs:
            _check_index(index, count, operator.where)
            if available[index]:
                raise ModelFormatError(
                    f"{operator.where} writes {_where(model, index)}, which already has a value"
                )
            available[index] = True
            _check_usable(model, index, operator.where)
    for index in model.outputs:
        _check_index(index, count, "the model's outputs")
        if not available[index]:
            raise ModelFormatError(f"nothing produces the output {_where(model, index)}")


def _where(model: Model, index: int) -> str:
    return tensor_where(index, model.tensors[index].name)


def _check_index(index: int, count: int, where: str) -> None:
    if not 0 <= index < count:
        raise ModelFormatError(f"corrupt: {where} refers to tensor {index} of {count}")


def _check_arity(operator: Operator) -> None:
    """Check the number of inputs and outputs of the kinds that can be compiled."""
    facts = OPERATORS.get(operator.kind)
    if facts is None:
        return
    least, most = facts.arity
    if not least <= len(operator.inputs) <= most:
        raise ModelFormatError(f"{operator.where} has {len(operator.inputs)} inputs")
    outputs = facts.outputs or operator.options["num_splits"]
    if len(operator.outputs) != outputs:
        raise ModelFormatError(f"{operator.where} has {len(operator.outputs)} outputs instead of {outputs}")
    if -1 in operator.inputs[:least]:
        raise ModelFormatError(f"{operator.where} lacks an input that it needs")


def _check_usable(model: Model, index: int, user: str) -> None:
    """Check that a tensor in use has a fixed shape and a type that can be computed with."""
    tensor = model.tensors[index]
    where = f"{user}: {_where(model, index)}"
    if tensor.is_variable:
        raise UnsupportedError(
            "variables (state between inferences) are not supported",
            where,
            "export the network with its state as inputs and outputs, and feed the outputs back",
        )
    if tensor.dtype not in ITEM_SIZE:
        way_out = (
            "quantize it to int8" if tensor.dtype in ("int4", "bfloat16") else "cut the network before it"
        )
        raise UnsupportedError(f"{tensor.dtype} tensors are not supported", where, way_out)
    if tensor.size == 0 and not tensor.is_constant:
        raise UnsupportedError(f"shape {list(tensor.shape)} has no elements", where, _WAY_OUT)
    for axis, wanted in enumerate(tensor.shape_signature or ()):
        # A batch left open is what converters write by default; one picture at a time is what we run.
        if wanted == -1 and (axis != 0 or tensor.shape[0] != 1):
            raise UnsupportedError(
                f"dynamic shape {list(tensor.shape_signature or ())}, only a batch of 1 may be open",
                where,
                _WAY_OUT,
            )
