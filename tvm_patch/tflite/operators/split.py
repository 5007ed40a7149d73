"""SPLIT and SPLIT_V."""

from __future__ import annotations

from typing import Any

import numpy as np

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import Grids, movement, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.schema import OptionsTable, positive
from tvm_patch.tflite.use import RECONVERT, Role, Shape, Use

_PARTS = (positive("num_splits", 0),)


def _split(use: Use) -> list[Shape]:
    data, parts = use.shape(1), len(use.outputs)
    axis = use.axis(use.ints(0, 1)[0], len(data))
    if data[axis] % parts:
        raise use.refuse(f"{data[axis]} elements along axis {axis} do not make {parts} equal parts")
    return [(*data[:axis], data[axis] // parts, *data[axis + 1 :])] * parts


def _split_v(use: Use) -> list[Shape]:
    data = use.shape(0)
    axis = use.axis(use.ints(2, 1)[0], len(data))
    sizes = use.ints(1, len(use.outputs), wide=True)
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = data[axis] - sum(s for s in sizes if s != -1)
    if min(sizes) < 1 or sum(sizes) != data[axis]:
        raise use.refuse(f"parts of {sizes} do not add up to {data[axis]}", RECONVERT)
    return [(*data[:axis], s, *data[axis + 1 :]) for s in sizes]


def _rewrite_split(r: Rewriter, op: Operator) -> None:
    _emit(r, op, data=op.inputs[1], axis_input=0)


def _rewrite_split_v(r: Rewriter, op: Operator) -> None:
    _emit(r, op, data=op.inputs[0], axis_input=2)


def _emit(r: Rewriter, op: Operator, data: int, axis_input: int) -> None:
    """Emit SPLIT_V with sizes from the outputs; into one part it is a copy."""
    if len(op.outputs) == 1:
        r.reshape(op, data, op.outputs[0])
        return
    axis = int(r.constant(op, axis_input).reshape(-1)[0]) % len(r.tensors[data].shape)
    sizes = [r.tensors[i].shape[axis] for i in op.outputs]
    inputs = (data, r.ints(sizes, "sizes"), r.ints([axis], "axis"))
    r.emit(Operator("SPLIT_V", inputs, op.outputs, {"num_splits": len(op.outputs)}, op.index))


def _convert(c: Any) -> Any:
    starts = [int(v) for v in np.cumsum(c.ints(1))[:-1]]
    return c.relax.op.split(c.data(), starts, axis=c.ints(2)[0])


register(
    movement(
        "SPLIT",
        inputs=(Role.NUMBERS, Role.DATA),
        options=OptionsTable(35, _PARTS),
        version=2,
        required=True,
        outputs=0,
        grids=Grids.ONE,
        shape=_split,
        rewrite=_rewrite_split,
    ),
    movement(
        "SPLIT_V",
        inputs=(Role.DATA, Role.NUMBERS, Role.NUMBERS),
        options=OptionsTable(79, _PARTS),
        version=2,
        required=True,
        outputs=0,
        grids=Grids.ONE,
        shape=_split_v,
        rewrite=_rewrite_split_v,
        convert=_convert,
    ),
)
