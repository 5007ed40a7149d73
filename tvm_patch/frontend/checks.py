"""What this compiler refuses, said before anything is compiled: one error that names operator, tensor and way out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tvm_patch.errors import UnsupportedError
from tvm_patch.frontend.names import words
from tvm_patch.frontend.use import FULL_INT8, WAYS_OUT
from tvm_patch.tflite.model import Model, Operator, Tensor, quoted

MOVEMENT_KINDS = words(
    "RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE CONCATENATION SPLIT SPLIT_V STRIDED_SLICE PACK GATHER TILE"
)
"""Operators that only move data; they may stand on float or uint8 tensors at the border."""

SUPPORTED_KINDS = MOVEMENT_KINDS | words(
    "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV FULLY_CONNECTED ADD SUB MUL MAXIMUM MINIMUM AVERAGE_POOL_2D "
    "MAX_POOL_2D MEAN REDUCE_MAX PAD PADV2 SOFTMAX LOGISTIC TANH HARD_SWISH RELU RELU6 RELU_N1_TO_1 "
    "LEAKY_RELU PRELU SHAPE RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR ARG_MAX QUANTIZE DEQUANTIZE"
)
"""Every operator that can be compiled (SHAPE only where it is folded away)."""

_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"})
# Input 1 of TRANSPOSE_CONV and input 2 are weights and data; everywhere else data comes first.
_DATA_INPUT = {"TRANSPOSE_CONV": 2, "SPLIT": 1}
# The kernels copy or compare integers: LiteRT wants one scale and zero point throughout, or ignores the difference.
_ONE_GRID = MOVEMENT_KINDS - {"RESHAPE"} | words(
    "PAD PADV2 MAX_POOL_2D AVERAGE_POOL_2D REDUCE_MAX RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR MAXIMUM MINIMUM"
)
_SPATIAL = words(
    "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV AVERAGE_POOL_2D MAX_POOL_2D RESIZE_NEAREST_NEIGHBOR "
    "RESIZE_BILINEAR"
)
# Operand that must be a constant, by kind.
_CONSTANT_INPUTS = {
    "CONV_2D": (1, 2), "DEPTHWISE_CONV_2D": (1, 2), "FULLY_CONNECTED": (1, 2), "TRANSPOSE_CONV": (0, 1, 3),
    "MEAN": (1,), "REDUCE_MAX": (1,), "PAD": (1,), "PADV2": (1, 2), "TRANSPOSE": (1,), "PRELU": (1,),
    "SPLIT": (0,), "SPLIT_V": (1, 2), "STRIDED_SLICE": (1, 2, 3), "GATHER": (1,), "TILE": (1,), "ARG_MAX": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,), "RESIZE_BILINEAR": (1,), "EXPAND_DIMS": (1,), "RESHAPE": (1,),
}  # fmt: skip
_ACTIVATIONS = frozenset({"NONE", "RELU", "RELU6", "RELU_N1_TO_1"})


def describe(model: Model, operator: Operator) -> str:
    """Return an operator as messages name it: index, kind and the tensor it makes."""
    names = [model.tensors[i].name for i in operator.outputs]
    return f"{operator.where} making tensor {quoted(names[0])}" if names else operator.where


def check_kinds(model: Model) -> None:
    """Refuse operators that cannot be compiled, all of them in one error."""
    unknown = [op for op in model.operators if op.kind not in SUPPORTED_KINDS]
    if not unknown:
        return
    kinds: dict[str, Operator] = {}
    for op in unknown:
        kinds.setdefault(f"{op.kind} {op.custom_code}".strip(), op)
    listed = ", ".join(f"{kind} ({describe(model, op)})" for kind, op in kinds.items())
    raise UnsupportedError(
        f"operators that cannot be compiled: {listed}",
        way_out="cut the network before them, or replace them by supported ones (docs: adding an operator)",
    )


def check_types(model: Model) -> None:
    """Refuse float, dynamic-range, uint8, int16 and other networks that are not int8 throughout."""
    quantized = any(t.dtype in ("int8", "uint8", "int16") and t.quantization for t in model.tensors)
    if not quantized and any(op.kind not in MOVEMENT_KINDS for op in model.operators):
        raise UnsupportedError("this is a float model: none of its tensors is quantized", "model", FULL_INT8)
    for index in model.outputs:
        if model.tensors[index].is_constant:
            raise UnsupportedError(
                f"tensor {quoted(model.tensors[index].name)} is an output of the network and a constant",
                way_out="drop that output",
            )
    for op in model.operators:
        tensors = [model.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
        for tensor in tensors:
            _check_dtype(model, op, tensor, tensors)


def _check_dtype(model: Model, op: Operator, tensor: Tensor, tensors: list[Tensor]) -> None:
    where = describe(model, op)
    dtype = tensor.dtype
    if dtype == "float32" and op.kind not in MOVEMENT_KINDS | {"QUANTIZE", "DEQUANTIZE"}:
        integers = [t for t in tensors if t.is_constant and t.dtype == "int8"]
        if op.kind in _WEIGHTED and integers:
            raise UnsupportedError(
                f"dynamic-range quantization: int8 weights {quoted(integers[0].name)} with float activations",
                where,
                FULL_INT8,
            )
        raise UnsupportedError(f"float tensor {quoted(tensor.name)}", where, FULL_INT8)
    if dtype == "uint8" and op.kind not in MOVEMENT_KINDS | {"QUANTIZE", "DEQUANTIZE"}:
        raise UnsupportedError(
            f"uint8 tensor {quoted(tensor.name)}: legacy asymmetric uint8 networks have other kernels", where,
            WAYS_OUT["uint8"],
        )  # fmt: skip
    if dtype == "int16":
        raise UnsupportedError(f"int16 tensor {quoted(tensor.name)}", where, WAYS_OUT["int16"])
    if dtype not in ("int8", "uint8", "float32", "int32", "int64", "bool"):
        raise UnsupportedError(f"{dtype} tensor {quoted(tensor.name)}", where, FULL_INT8)


def check_operators(model: Model) -> None:
    """Refuse uses of supported operators that have no kernel here; run it on the canonical model."""
    for op in model.operators:
        _check_operands(model, op)
        _check_quantization(model, op)
        _check_shapes(model, op)
    _check_float_flow(model)


def _check_operands(model: Model, op: Operator) -> None:
    where = describe(model, op)
    for position in _CONSTANT_INPUTS.get(op.kind, ()):
        if position < len(op.inputs) and op.inputs[position] >= 0:
            tensor = model.tensors[op.inputs[position]]
            if not tensor.is_constant:
                raise UnsupportedError(
                    f"input {position} ({quoted(tensor.name)}) is computed, not constant",
                    where,
                    "make it constant",
                )
    if op.kind == "SHAPE":
        raise UnsupportedError("a shape that is an output of the network", where, "drop that output")
    fixed = [t.is_constant for t in list(_data_tensors(model, op))[: -len(op.outputs)]]
    if all(fixed) or (op.kind in MOVEMENT_KINDS and any(fixed)):
        raise UnsupportedError(
            "its data is constant, and it is not one of the operators that are folded away",
            where,
            "compute it before conversion, or make it an input",
        )
    activation = op.options.get("fused_activation_function", "NONE")
    if activation not in _ACTIVATIONS or (op.kind == "CONCATENATION" and activation != "NONE"):
        raise UnsupportedError(f"fused activation {activation}", where, "use RELU, RELU6 or none")
    if op.kind == "GATHER" and op.options.get("batch_dims", 0) != 0:
        raise UnsupportedError("batch_dims other than 0", where, "gather without batch dimensions")
    if op.kind == "FULLY_CONNECTED" and op.options.get("weights_format", "DEFAULT") != "DEFAULT":
        raise UnsupportedError("shuffled weights", where, "convert without weight shuffling")
    if op.kind == "STRIDED_SLICE" and (op.options.get("ellipsis_mask") or op.options.get("new_axis_mask")):
        raise UnsupportedError("ellipsis or new-axis masks", where, "slice with explicit begin and end")


def _data_tensors(model: Model, op: Operator) -> Iterable[Tensor]:
    """Yield the activations of `op` (and constants in their place), outputs last."""
    if op.kind in ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "PRELU", "CONCATENATION", "PACK"):
        positions = range(len(op.inputs))
    else:
        positions = range(_DATA_INPUT.get(op.kind, 0), _DATA_INPUT.get(op.kind, 0) + 1)
    yield from (model.tensors[op.inputs[p]] for p in positions)
    yield from (model.tensors[i] for i in op.outputs)


def _check_quantization(model: Model, op: Operator) -> None:
    where = describe(model, op)
    tensors = [t for t in _data_tensors(model, op) if t.dtype in ("int8", "uint8")]
    for tensor in tensors:
        if tensor.quantization is None and op.kind not in MOVEMENT_KINDS:
            raise UnsupportedError(
                f"{tensor.dtype} tensor {quoted(tensor.name)} has no scale", where, FULL_INT8
            )
        if tensor.quantization is not None and tensor.quantization.per_channel:
            raise UnsupportedError(
                f"activation {quoted(tensor.name)} is quantized per channel",
                where,
                "quantize activations per tensor",
            )
    grids = [
        (float(t.quantization.scale[0]), int(t.quantization.zero_point[0])) for t in tensors if t.quantization
    ]
    if op.kind in _ONE_GRID and len(set(grids)) > 1:
        other = next(g for g in grids if g != grids[0])
        raise UnsupportedError(
            f"its tensors have different scales or zero points ({grids[0]} and {other})",
            where,
            "LiteRT does not rescale here either: quantize its inputs and output alike",
        )
    if op.kind in _WEIGHTED:
        _check_weights(model, op, where)


def _check_weights(model: Model, op: Operator, where: str) -> None:
    for constant in (model.tensors[i] for i in op.inputs[1:] if i >= 0):
        if constant.is_constant and 0 in constant.shape:
            raise UnsupportedError(
                f"constant {quoted(constant.name)} of shape {list(constant.shape)} is empty",
                where,
                "convert the network again",
            )
    weight = model.tensors[op.inputs[1]]
    if weight.dtype != "int8" or weight.quantization is None:
        lacking = "" if weight.quantization is not None else " without a scale"
        raise UnsupportedError(
            f"weights {quoted(weight.name)} are {weight.dtype}{lacking}, not quantized int8",
            where,
            FULL_INT8,
        )
    if np.any(weight.quantization.zero_point != 0):
        raise UnsupportedError(
            f"weights {quoted(weight.name)} have a zero point", where, "use symmetric int8 weights"
        )
    bias_position = 3 if op.kind == "TRANSPOSE_CONV" else 2
    if len(op.inputs) > bias_position and op.inputs[bias_position] >= 0:
        bias = model.tensors[op.inputs[bias_position]]
        if bias.dtype != "int32":
            raise UnsupportedError(f"bias {quoted(bias.name)} is {bias.dtype}, not int32", where, FULL_INT8)
        if bias.quantization is not None and np.any(bias.quantization.zero_point != 0):
            raise UnsupportedError(f"bias {quoted(bias.name)} has a zero point", where, FULL_INT8)


def _check_shapes(model: Model, op: Operator) -> None:
    where = describe(model, op)
    for tensor in _data_tensors(model, op):
        if op.kind in _SPATIAL and (len(tensor.shape) != 4 or tensor.shape[0] != 1):
            raise UnsupportedError(
                f"tensor {quoted(tensor.name)} of shape {list(tensor.shape)} is not one NHWC picture (batch 1)",
                where,
                "export the network with batch size 1",
            )
        if 0 in tensor.shape or min(tensor.shape, default=1) < 0:
            raise UnsupportedError(
                f"tensor {quoted(tensor.name)} has shape {list(tensor.shape)}",
                where,
                "convert with static shapes",
            )


def _check_float_flow(model: Model) -> None:
    """Refuse float computation in the middle: what DEQUANTIZE makes may be moved and returned, or quantized at once."""
    made = {i: op for op in model.operators if op.kind == "DEQUANTIZE" for i in op.outputs}
    floats = set(made)
    for op in model.operators:
        touched = next((i for i in op.inputs if i in floats), None)
        if touched is None or (op.kind == "QUANTIZE" and touched in made):
            continue
        if op.kind == "QUANTIZE":
            raise UnsupportedError(
                f"float tensor {quoted(model.tensors[touched].name)} is moved between DEQUANTIZE and QUANTIZE",
                describe(model, op),
                "move it before the DEQUANTIZE or after the QUANTIZE",
            )
        if op.kind not in MOVEMENT_KINDS:
            raise UnsupportedError(
                f"reads float tensor {quoted(model.tensors[touched].name)} made by DEQUANTIZE",
                describe(model, op),
                FULL_INT8,
            )
        floats.update(op.outputs)
