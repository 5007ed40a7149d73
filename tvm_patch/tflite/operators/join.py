"""CONCATENATION and PACK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import Grids, movement, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import folded
from tvm_patch.tflite.schema import OptionField, OptionsTable, activation, positive
from tvm_patch.tflite.use import Role, Shape, Use


def _join(use: Use, axis: int, shapes: Sequence[Shape]) -> Shape:
    """Return the shape of `shapes` one after the other along `axis`."""
    first = shapes[0]
    for shape in shapes:
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis
        ):
            raise use.refuse(f"parts of shapes {list(first)} and {list(shape)} along axis {axis}")
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])


def _parts(use: Use) -> list[Shape]:
    return [use.shape(i) for i in range(len(use.inputs))]


def _concatenation(use: Use) -> list[Shape]:
    shapes = _parts(use)
    return [_join(use, use.axis(int(use.op.options["axis"]), len(shapes[0])), shapes)]


def _pack(use: Use) -> list[Shape]:
    shapes = _parts(use)
    if use.op.options["values_count"] != len(shapes):
        raise use.refuse(f"{len(shapes)} parts, but values_count is {use.op.options['values_count']}")
    axis = use.axis(int(use.op.options["axis"]), len(shapes[0]) + 1)
    if any(s != shapes[0] for s in shapes):
        raise use.refuse(f"parts of different shapes: {', '.join(str(list(s)) for s in shapes[:4])}")
    return [(*shapes[0][:axis], len(shapes), *shapes[0][axis:])]


def _check(use: Use) -> None:
    name = use.op.options.get("fused_activation_function", "NONE")
    if name != "NONE":
        raise use.refuse(f"fused activation {name}", "use RELU, RELU6 or none")


def _rewrite_concatenation(r: Rewriter, op: Operator) -> None:
    axis = op.options["axis"] % len(r.tensors[op.outputs[0]].shape)
    _emit(r, op, op.inputs, axis, op.options.get("fused_activation_function", "NONE"))


def _rewrite_pack(r: Rewriter, op: Operator) -> None:
    """Emit a new dimension in each part, then CONCATENATION."""
    output = r.tensors[op.outputs[0]]
    axis = op.options["axis"] % len(output.shape)
    parts = []
    for index in op.inputs:
        part = r.tensors[index]
        shape = (*part.shape[:axis], 1, *part.shape[axis:])
        parts.append(r.add(replace(part, name=f"{part.name}_unsqueezed", shape=shape, data=None)))
        r.reshape(op, index, parts[-1])
    _emit(r, op, tuple(parts), axis)


def _emit(r: Rewriter, op: Operator, parts: tuple[int, ...], axis: int, fused: str = "NONE") -> None:
    """Emit CONCATENATION with an axis that is not negative; of a single part it is a copy."""
    if len(parts) == 1:
        r.reshape(op, parts[0], op.outputs[0])
        return
    options = {"axis": axis, "fused_activation_function": fused}
    r.emit(Operator("CONCATENATION", parts, op.outputs, options, op.index))


def _convert(c: Any) -> Any:
    return c.relax.op.concat([c.data(i) for i in range(len(c.op.inputs))], axis=c.options["axis"])


register(
    movement(
        "CONCATENATION",
        inputs=(Role.DATA,),
        variadic=True,
        options=OptionsTable(10, (OptionField("axis", 0), activation(1))),
        version=2,
        required=True,
        grids=Grids.ONE_BEFORE_REWRITING,
        shape=_concatenation,
        check=_check,
        fold=folded(lambda op, values: np.concatenate(values, axis=op.options["axis"])),
        rewrite=_rewrite_concatenation,
        convert=_convert,
    ),
    movement(
        "PACK",
        inputs=(Role.DATA,),
        variadic=True,
        options=OptionsTable(59, (positive("values_count", 0), OptionField("axis", 1))),
        version=2,
        required=True,
        grids=Grids.ONE_BEFORE_REWRITING,
        shape=_pack,
        fold=folded(lambda op, values: np.stack(values, axis=op.options["axis"])),
        rewrite=_rewrite_pack,
    ),
)
