"""Faults for the fuzz tests: in the bytes of a file, and in a model's structure before it is written.

Everything is drawn from the generator that is passed in, so a seed gives the same mutant everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tvm_patch.tflite.model import ITEM_SIZE, Model, Operator, Quantization, Tensor
from tvm_patch.tflite.operators import OPERATORS
from tvm_patch.tflite.schema import DTYPES, OPERATOR_NAMES

_EXTENTS = (0, 1, 2, 3, 5, 7, 8, 64, 1 << 12, 1 << 16, 1 << 30, 2**31 - 1)
_SCALES = (
    0.0, -0.05, float("nan"), float("inf"), 1e-45, 1e-38, 1e-20, 1e-9, 1e-6, 1e-4, 0.01, 0.0501, 1.0, 300.0, 1e7, 1e20,
    3e38,
)  # fmt: skip
_ZERO_POINTS = (-(2**63), -(2**31), -129, -128, -127, -3, 0, 1, 127, 128, 255, 256, 2**31 - 1, 2**40)
_INTS = (-(2**31), -1000, -128, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 128, 1000, 1 << 20, 2**31 - 1)
_FLOATS = (0.0, -1.0, 1e-30, 0.5, 2.0, 1e30, float("inf"), float("nan"))
_LARGEST = 1 << 20  # elements of a constant that is made to fit a new shape


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with one to four faults, most of them where the file keeps its tables: at either end."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        places = (
            rng.randrange(len(content)),
            rng.randrange(min(2000, len(content))),
            len(content) - 1 - rng.randrange(min(20000, len(content))),
        )
        place = rng.choice(places)
        match rng.randrange(5):
            case 0:
                content[place] ^= 1 << rng.randrange(8)
            case 1:
                content[place] = rng.choice((0, 1, 2, 3, 5, 9, 0x7F, 0x80, 0xFF))
            case 2:
                words = (
                    b"\xff\xff\xff\xff",
                    b"\0\0\0\x80",
                    b"\xff\xff\xff\x7f",
                    b"\0\0\0\0",
                    rng.randbytes(4),
                )
                content[place : place + 4] = rng.choice(words)
            case 3:
                content[place : place + rng.randint(1, 64)] = bytes(rng.randint(1, 64))
            case 4 if rng.random() < 0.2:
                del content[max(1, place) :]
    return bytes(content)


def mutate_model(model: Model, rng: random.Random) -> Model:
    """Return `model` with one or two structural faults; some of them leave it a sound model."""
    for _ in range(rng.choice((1, 1, 1, 2))):
        model = rng.choice(_FAULTS)(model, rng)
    return model


# ---------------------------------------------------------------------- tensors


def _with_tensor(model: Model, index: int, tensor: Tensor) -> Model:
    return replace(model, tensors=(*model.tensors[:index], tensor, *model.tensors[index + 1 :]))


def _a_tensor(model: Model, rng: random.Random) -> int:
    return rng.randrange(len(model.tensors))


def _filled(tensor: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """Return `tensor` with another shape and type, its contents repeated or cut where they can be."""
    data = tensor.data
    count = int(np.prod(shape, dtype=np.float64)) if shape else 1
    if data is not None and dtype in ITEM_SIZE and 0 <= count <= _LARGEST and min(shape, default=0) >= 0:
        with np.errstate(invalid="ignore"):
            data = np.resize(data if data.size else np.zeros(1, data.dtype), shape).astype(dtype)
    return replace(tensor, shape=shape, dtype=dtype, data=data)


def _shape(model: Model, rng: random.Random) -> Model:
    index = _a_tensor(model, rng)
    tensor = model.tensors[index]
    return _with_tensor(model, index, _filled(tensor, _other_shape(tensor.shape, rng), tensor.dtype))


def _other_shape(shape: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    dims = list(shape)
    match rng.randrange(6):
        case 0 if dims:
            dims.pop(rng.randrange(len(dims)))
        case 1:
            dims.insert(rng.randint(0, len(dims)), rng.choice((1, 1, 1, 2)))
        case 2:
            rng.shuffle(dims)
        case 3 if dims:
            dims[rng.randrange(len(dims))] = rng.choice(_EXTENTS)
        case _ if dims:
            at = rng.randrange(len(dims))
            dims[at] = max(0, min(2**31 - 1, rng.choice((dims[at] - 1, dims[at] + 1, 2 * dims[at]))))
    return tuple(dims)


def _batch(model: Model, rng: random.Random) -> Model:
    """Give every activation another first extent: often a sound model."""
    extent = rng.choice((0, 2, 3))
    tensors = [
        replace(t, shape=(extent, *t.shape[1:])) if t.data is None and t.shape[:1] == (1,) else t
        for t in model.tensors
    ]
    return replace(model, tensors=tuple(tensors))


def _signature(model: Model, rng: random.Random) -> Model:
    index = _a_tensor(model, rng)
    tensor = model.tensors[index]
    signature = tuple(rng.choice((d, d, -1, -2)) for d in tensor.shape)
    return _with_tensor(model, index, replace(tensor, shape_signature=signature or None))


def _dtype(model: Model, rng: random.Random) -> Model:
    index = _a_tensor(model, rng)
    tensor = model.tensors[index]
    dtype = rng.choice((*DTYPES, "int8", "uint8", "int32", "int64", "float32"))
    return _with_tensor(model, index, _filled(tensor, tensor.shape, dtype))


def _contents(model: Model, rng: random.Random) -> Model:
    """Take a constant's contents away, or give an activation some."""
    index = _a_tensor(model, rng)
    tensor = model.tensors[index]
    if tensor.data is not None:
        return _with_tensor(model, index, replace(tensor, data=None))
    given = replace(tensor, data=np.zeros(1, tensor.dtype))
    return _with_tensor(model, index, _filled(given, tensor.shape, tensor.dtype))


def _numbers(model: Model, rng: random.Random) -> Model:
    """Change numbers that operators read: axes, paddings, shapes, indices."""
    chosen = [
        i for i, t in enumerate(model.tensors) if t.data is not None and t.data.dtype.kind == "i" and t.size
    ]
    small = [i for i in chosen if model.tensors[i].dtype in ("int32", "int64")] or chosen
    if not small:
        return model
    index = rng.choice(small)
    tensor = model.tensors[index]
    assert tensor.data is not None
    limits = np.iinfo(tensor.data.dtype)
    data = tensor.data.copy()
    data.reshape(-1)[rng.randrange(data.size)] = max(limits.min, min(limits.max, rng.choice(_INTS)))
    return _with_tensor(model, index, replace(tensor, data=data))


# ---------------------------------------------------------------------- quantization


def _quantized(model: Model, rng: random.Random) -> tuple[int, Tensor, Quantization]:
    indices = [i for i, t in enumerate(model.tensors) if t.quantization is not None]
    index = rng.choice(indices) if indices else 0
    tensor = model.tensors[index]
    made = Quantization(np.ones(1, np.float32), np.zeros(1, np.int64))
    return index, tensor, tensor.quantization or made


def _scale(model: Model, rng: random.Random) -> Model:
    index, tensor, q = _quantized(model, rng)
    scale, value = q.scale.copy(), rng.choice(_SCALES)
    if rng.random() < 0.5:
        value = float(scale[0]) * rng.choice(
            (-1, 0.5, 0.999, 1.001, 2, 1e-3, 1e3, 2.0**-19, 2.0**19, 2.0**-31)
        )
    scale[rng.randrange(scale.size) if rng.random() < 0.5 else slice(None)] = value
    return _with_tensor(model, index, replace(tensor, quantization=replace(q, scale=scale)))


def _zero_point(model: Model, rng: random.Random) -> Model:
    index, tensor, q = _quantized(model, rng)
    zero_point = q.zero_point.copy()
    zero_point[rng.randrange(zero_point.size) if rng.random() < 0.5 else slice(None)] = rng.choice(
        _ZERO_POINTS
    )
    return _with_tensor(model, index, replace(tensor, quantization=replace(q, zero_point=zero_point)))


def _grid(model: Model, rng: random.Random) -> Model:
    """Change what is quantized along which axis with how many scales."""
    index, tensor, q = _quantized(model, rng)
    rank = len(tensor.shape)
    changed: Quantization | None = None
    match rng.randrange(4):
        case 0:
            changed = replace(q, axis=rng.choice((-2, -1, 0, 1, 2, 3, 4, 99, 2**31 - 1)))
        case 1 if rank:
            axis = rng.randrange(rank)
            count = min(tensor.shape[axis], 4096)
            changed = Quantization(np.resize(q.scale, count), np.resize(q.zero_point, count), axis)
        case 2:
            changed = replace(q, scale=q.scale[:1], zero_point=q.zero_point[:1])
    return _with_tensor(model, index, replace(tensor, quantization=changed))


# ---------------------------------------------------------------------- operators


def _with_operator(model: Model, index: int, op: Operator) -> Model:
    return replace(model, operators=(*model.operators[:index], op, *model.operators[index + 1 :]))


def _an_operator(model: Model, rng: random.Random) -> tuple[int, Operator]:
    index = rng.randrange(len(model.operators)) if model.operators else 0
    return index, model.operators[index] if model.operators else Operator("RELU", (0,), (0,))


def _option(model: Model, rng: random.Random) -> Model:
    index, op = _an_operator(model, rng)
    facts = OPERATORS.get(op.kind)
    fields = facts.options.fields if facts is not None and facts.options is not None else ()
    if not fields:
        return model
    field = rng.choice(fields)
    values: tuple[Any, ...] = _INTS
    if field.names:
        values = field.names
    elif field.kind == "float32":
        values = _FLOATS
    elif field.kind == "bool":
        values = (True, False)
    elif field.kind == "int32s":
        values = ((), (-1,), (0,), (1, 2, 3), tuple(rng.choices(_INTS, k=4)))
    options = {**op.options, field.name: rng.choice(values)}
    if rng.random() < 0.1:
        del options[field.name]
    return _with_operator(model, index, replace(op, options=options))


def _inputs(model: Model, rng: random.Random) -> Model:
    index, op = _an_operator(model, rng)
    inputs = list(op.inputs)
    match rng.randrange(6):
        case 0:
            inputs = inputs[:-1]
        case 1:
            inputs.append(_a_tensor(model, rng))
        case 2:
            rng.shuffle(inputs)
        case 3 if inputs:
            inputs[rng.randrange(len(inputs))] = rng.choice((-1, -2, len(model.tensors)))
        case _ if inputs:
            inputs[rng.randrange(len(inputs))] = _a_tensor(model, rng)
    return _with_operator(model, index, replace(op, inputs=tuple(inputs)))


def _outputs(model: Model, rng: random.Random) -> Model:
    index, op = _an_operator(model, rng)
    choices = (
        op.outputs[:-1],
        (*op.outputs, _a_tensor(model, rng)),
        (_a_tensor(model, rng),),
        op.outputs * 2,
    )
    return _with_operator(model, index, replace(op, outputs=rng.choice(choices)))


def _kind(model: Model, rng: random.Random) -> Model:
    index, op = _an_operator(model, rng)
    kinds = list(OPERATORS) if rng.random() < 0.95 else list(OPERATOR_NAMES.values())
    return _with_operator(model, index, replace(op, kind=rng.choice(kinds)))


def _kind_of_the_same_options(model: Model, rng: random.Random) -> Model:
    """Swap an operator for one that has the same options or none: often a sound model."""
    index, op = _an_operator(model, rng)
    mine = OPERATORS.get(op.kind)
    alike = [
        k
        for k, s in OPERATORS.items()
        if mine is None or s.options in (mine.options, None) or s.arity == mine.arity
    ]
    return _with_operator(model, index, replace(op, kind=rng.choice(alike)))


def _order(model: Model, rng: random.Random) -> Model:
    operators = list(model.operators)
    if not operators:
        return model
    at = rng.randrange(len(operators))
    match rng.randrange(3):
        case 0:
            rng.shuffle(operators)
        case 1:
            del operators[at]
        case _:
            operators.insert(at, operators[at])
    return replace(model, operators=tuple(operators))


def _border(model: Model, rng: random.Random) -> Model:
    """Change which tensors are the model's inputs and outputs."""
    tensor = _a_tensor(model, rng)
    changed: dict[str, Any] = rng.choice(
        (
            {"inputs": model.inputs[1:]},
            {"inputs": (*model.inputs, tensor)},
            {"outputs": (*model.outputs, tensor)},
            {"outputs": (tensor,)},
            {"outputs": model.outputs[1:]},
        )
    )
    return replace(model, **changed)


def _name(model: Model, rng: random.Random) -> Model:
    index = _a_tensor(model, rng)
    name = rng.choice(("", "x", "int", "9", "a/b;c", "é\u2028\n", "*/ #error", "%s%n", "n" * 5000))
    return _with_tensor(model, index, replace(model.tensors[index], name=name))


_FAULTS: tuple[Callable[[Model, random.Random], Model], ...] = (
    _shape, _shape, _shape, _batch, _signature, _dtype, _contents, _numbers, _numbers, _scale, _scale, _zero_point,
    _grid, _option, _option, _option, _inputs, _inputs, _outputs, _kind, _kind_of_the_same_options, _order, _border,
    _name,
)  # fmt: skip
