"""TRANSPOSE, GATHER and TILE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import Grids, movement, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import folded
from tvm_patch.tflite.schema import OptionField, OptionsTable
from tvm_patch.tflite.use import RECONVERT, Role, Shape, Use

_INPUTS = (Role.DATA, Role.NUMBERS)


def _transpose(use: Use) -> list[Shape]:
    data = use.shape(0)
    use.shape(1, 1)
    order = use.ints(1)
    if sorted(order) != list(range(len(data))):
        raise use.refuse(f"{order} is not an order of {len(data)} dimensions")
    return [tuple(data[i] for i in order)]


def _convert_transpose(c: Any) -> Any:
    return c.relax.op.permute_dims(c.data(), c.ints(1))


def _gather(use: Use) -> list[Shape]:
    data, indices = use.shape(0), use.shape(1)
    if use.op.options["batch_dims"]:
        raise use.refuse("batch_dims other than 0", "gather without batch dimensions")
    axis = use.axis(int(use.op.options["axis"]), len(data))
    chosen = use.ints(1, wide=True)
    if not chosen or not 0 <= min(chosen) <= max(chosen) < data[axis]:
        bounds = f"from {min(chosen)} to {max(chosen)}" if chosen else "none"
        raise use.refuse(f"indices {bounds} into {data[axis]} elements", "LiteRT refuses it as well")
    return [(*data[:axis], *indices, *data[axis + 1 :])]


def _rewrite_gather(r: Rewriter, op: Operator) -> None:
    """Emit it with an axis that is not negative."""
    axis = op.options["axis"] % len(r.tensors[op.inputs[0]].shape)
    r.emit(replace(op, options={**op.options, "axis": axis}))


def _convert_gather(c: Any) -> Any:
    # Not the stock method: it walks over every element of the output in Python.
    indices = c.relax.const(c.constant(1), c.tensor(1).dtype)
    return c.relax.op.take(c.data(), indices, axis=c.options["axis"])


def _tile(use: Use) -> list[Shape]:
    data = use.shape(0)
    use.shape(1, 1)
    times = use.ints(1, len(data), wide=True)
    if min(times, default=1) < 1:
        raise use.refuse(f"{times} repetitions", RECONVERT)
    return [tuple(d * t for d, t in zip(data, times, strict=True))]


def _convert_tile(c: Any) -> Any:
    return c.relax.op.tile(c.data(), c.ints(1))


register(
    movement(
        "TRANSPOSE",
        inputs=_INPUTS,
        options=OptionsTable(26),
        version=2,
        grids=Grids.ONE,
        shape=_transpose,
        fold=folded(lambda op, values: values[0].transpose([int(a) for a in values[1]])),
        convert=_convert_transpose,
    ),
    movement(
        "GATHER",
        inputs=_INPUTS,
        options=OptionsTable(23, (OptionField("axis", 0), OptionField("batch_dims", 1))),
        version=2,
        grids=Grids.ONE,
        shape=_gather,
        fold=folded(lambda op, values: np.take(values[0], values[1], axis=op.options["axis"])),
        rewrite=_rewrite_gather,
        convert=_convert_gather,
    ),
    movement(
        "TILE",
        inputs=_INPUTS,
        options=OptionsTable(51),
        grids=Grids.ONE,
        shape=_tile,
        fold=folded(lambda op, values: np.tile(values[0], [int(r) for r in values[1]])),
        convert=_convert_tile,
    ),
)
