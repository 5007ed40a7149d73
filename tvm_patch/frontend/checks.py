"""What this compiler refuses, said before anything is compiled: one error that names operator, tensor and way out."""

from __future__ import annotations

from tvm_patch.errors import UnsupportedError
from tvm_patch.tflite.model import Model, Operator, Tensor, quoted
from tvm_patch.tflite.operators import OPERATORS, Grids, use_of
from tvm_patch.tflite.use import FULL_INT8, WAYS_OUT, Use

_ACTIVATIONS = frozenset({"NONE", "RELU", "RELU6", "RELU_N1_TO_1"})


def describe(model: Model, operator: Operator) -> str:
    """Return an operator as messages name it: index, kind and the tensor it makes."""
    names = [model.tensors[i].name for i in operator.outputs]
    return f"{operator.where} making tensor {quoted(names[0])}" if names else operator.where


def check_kinds(model: Model) -> None:
    """Refuse operators that cannot be compiled, all of them in one error."""
    unknown = [op for op in model.operators if op.kind not in OPERATORS]
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
    if not quantized and not all(OPERATORS[op.kind].moves for op in model.operators):
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
    facts, dtype = OPERATORS[op.kind], tensor.dtype
    if dtype == "float32" and not facts.foreign:
        integers = [t for t in tensors if t.is_constant and t.dtype == "int8"]
        if facts.weighted and integers:
            raise UnsupportedError(
                f"dynamic-range quantization: int8 weights {quoted(integers[0].name)} with float activations",
                where,
                FULL_INT8,
            )
        raise UnsupportedError(f"float tensor {quoted(tensor.name)}", where, FULL_INT8)
    if dtype == "uint8" and not facts.foreign:
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
        use = use_of(op, model.tensors)
        _check_operands(use)
        _check_grids(use)
        _check_shapes(use)
    _check_float_flow(model)


def _check_operands(use: Use) -> None:
    facts, options = OPERATORS[use.op.kind], use.op.options
    for position, (role, tensor) in enumerate(zip(use.roles, use.inputs, strict=True)):
        if tensor is not None and role.constant and not tensor.is_constant:
            raise use.refuse(
                f"input {position} ({quoted(tensor.name)}) is computed, not constant", "make it constant"
            )
    fixed = [t.is_constant for t in use.data]
    if facts.check is not None:
        facts.check(use)
    if all(fixed) or (facts.moves and any(fixed)):
        raise use.refuse(
            "its data is constant, and it is not one of the operators that are folded away",
            "compute it before conversion, or make it an input",
        )
    activation = options.get("fused_activation_function", "NONE")
    if activation not in _ACTIVATIONS:
        raise use.refuse(f"fused activation {activation}", "use RELU, RELU6 or none")


def _check_grids(use: Use) -> None:
    facts = OPERATORS[use.op.kind]
    tensors = [t for t in (*use.data, *use.outputs) if t.dtype in ("int8", "uint8")]
    for tensor in tensors:
        if tensor.quantization is None and not facts.moves:
            raise use.refuse(f"{tensor.dtype} tensor {quoted(tensor.name)} has no scale", FULL_INT8)
        if tensor.quantization is not None and tensor.quantization.per_channel:
            raise use.refuse(
                f"activation {quoted(tensor.name)} is quantized per channel",
                "quantize activations per tensor",
            )
    grids = [
        (float(t.quantization.scale[0]), int(t.quantization.zero_point[0])) for t in tensors if t.quantization
    ]
    if facts.grids is not Grids.FREE and len(set(grids)) > 1:
        other = next(g for g in grids if g != grids[0])
        raise use.refuse(
            f"its tensors have different scales or zero points ({grids[0]} and {other})",
            "LiteRT does not rescale here either: quantize its inputs and output alike",
        )


def _check_shapes(use: Use) -> None:
    for tensor in (*use.data, *use.outputs):
        if OPERATORS[use.op.kind].picture and (len(tensor.shape) != 4 or tensor.shape[0] != 1):
            raise use.refuse(
                f"tensor {quoted(tensor.name)} of shape {list(tensor.shape)} is not one NHWC picture (batch 1)",
                "export the network with batch size 1",
            )
        if 0 in tensor.shape or min(tensor.shape, default=1) < 0:
            raise use.refuse(
                f"tensor {quoted(tensor.name)} has shape {list(tensor.shape)}", "convert with static shapes"
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
        if not OPERATORS[op.kind].moves:
            raise UnsupportedError(
                f"reads float tensor {quoted(model.tensors[touched].name)} made by DEQUANTIZE",
                describe(model, op),
                FULL_INT8,
            )
        floats.update(op.outputs)
