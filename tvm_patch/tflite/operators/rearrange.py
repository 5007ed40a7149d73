"""TRANSPOSE, SPACE_TO_DEPTH, DEPTH_TO_SPACE, GATHER and TILE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import Grids, movement, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import folded
from tvm_patch.tflite.schema import OptionField, OptionsTable, positive
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


def _space_to_depth(use: Use) -> list[Shape]:
    batch, height, width, channels = use.shape(0, 4)
    block = use.number("block_size")
    if height % block or width % block:
        raise use.refuse(f"blocks of {block} in {height}×{width} pixels")
    return [(batch, height // block, width // block, channels * block * block)]


def _depth_to_space(use: Use) -> list[Shape]:
    batch, height, width, channels = use.shape(0, 4)
    block = use.number("block_size")
    if channels % (block * block):
        raise use.refuse(f"blocks of {block} from {channels} channels")
    return [(batch, height * block, width * block, channels // (block * block))]


def _rewrite_space_to_depth(r: Rewriter, op: Operator) -> None:
    """Emit what it consists of: the columns of a block lie beside each other as they are, its rows do not."""
    (batch, height, width, channels), block = r.tensors[op.outputs[0]].shape, op.options["block_size"]
    row = channels // block
    r.rearrange(op, (batch, height, block, width, row), (0, 1, 3, 2, 4))


def _rewrite_depth_to_space(r: Rewriter, op: Operator) -> None:
    """Emit what it consists of: see :func:`_rewrite_space_to_depth`."""
    (batch, height, width, channels), block = r.tensors[op.inputs[0]].shape, op.options["block_size"]
    r.rearrange(op, (batch, height, width, block, channels // block), (0, 1, 3, 2, 4))


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
    *(
        movement(
            kind,
            inputs=(Role.DATA,),
            options=OptionsTable(union, (positive("block_size", 0),)),
            version=version,
            required=True,
            grids=Grids.ONE_BEFORE_REWRITING,
            shape=shape,
            rewrite=rewrite,
        )
        for kind, union, version, shape, rewrite in (
            ("SPACE_TO_DEPTH", 19, 2, _space_to_depth, _rewrite_space_to_depth),
            ("DEPTH_TO_SPACE", 94, 1, _depth_to_space, _rewrite_depth_to_space),
        )
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
