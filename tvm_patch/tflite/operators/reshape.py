"""RESHAPE, SQUEEZE, EXPAND_DIMS: they name dimensions anew; SHAPE, which tells them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tvm_patch.tflite.model import quoted
from tvm_patch.tflite.operators.base import Grids, TfliteOperator, movement, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import folded, type_option
from tvm_patch.tflite.schema import DTYPES, OptionField, OptionsTable
from tvm_patch.tflite.use import RECONVERT, Role, Shape, Use


def _reshape(use: Use) -> list[Shape]:
    data = use.shape(0)
    shape = use.optional(1)
    if shape is None or len(shape.shape) != 1 or shape.dtype != "int32":
        # As in LiteRT: what is no vector of int32 is not looked at (Edge Impulse writes matrices).
        wanted = [int(d) for d in use.op.options["new_shape"]]
    else:
        wanted = use.ints(1)
    if wanted == [0] and not use.outputs[0].shape:
        wanted = []  # how old converters wrote the shape of a scalar
    rest = prod(d for d in wanted if d != -1)
    if wanted.count(-1) > 1 or min(wanted, default=1) < -1 or rest < 1:
        raise use.refuse(f"a shape of {wanted}", RECONVERT)
    made = tuple(prod(data) // rest if d == -1 else d for d in wanted)
    if prod(made) != prod(data):
        raise use.refuse(f"reshape of {quoted(use.tensor(0).name)} from {list(data)} to {wanted}", RECONVERT)
    return [made]


def _squeeze(use: Use) -> list[Shape]:
    data = use.shape(0)
    axes = {use.axis(int(a), len(data)) for a in use.op.options["squeeze_dims"]}
    axes = axes or {i for i, d in enumerate(data) if d == 1}
    if any(data[a] != 1 for a in axes):
        raise use.refuse(f"dimensions {sorted(axes)} of shape {list(data)} are not all 1", RECONVERT)
    return [tuple(d for i, d in enumerate(data) if i not in axes)]


def _expand_dims(use: Use) -> list[Shape]:
    data = use.shape(0)
    axis = use.axis(use.ints(1, 1, wide=True)[0], len(data) + 1)
    return [(*data[:axis], 1, *data[axis:])]


def _convert(c: Any) -> Any:
    return c.relax.op.reshape(c.data(), list(c.output.shape))


def _rank(use: Use) -> list[Shape]:
    return [(len(use.shape(0)),)]


def _shape_types(use: Use) -> None:
    use.agree(use.outputs[0], type_option(use, "out_type"))


def _shape_left(use: Use) -> None:
    # Every other SHAPE has been folded away.
    raise use.refuse("a shape that is an output of the network", "drop that output")


def _shape_value(use: Use) -> np.ndarray:
    return np.array(use.shape(0), use.outputs[0].dtype)


_SAME_VALUES = folded(lambda op, values: values[0])
# LiteRT copies in RESHAPE and SQUEEZE whatever the scales say.
register(
    movement(
        "RESHAPE",
        inputs=(Role.DATA, Role.NUMBERS),
        optional=1,
        options=OptionsTable(17, (OptionField("new_shape", 0, "int32s", ()),)),
        shape=_reshape,
        fold=_SAME_VALUES,
        rewrite=Rewriter.reshape_all,
        convert=_convert,
    ),
    movement(
        "SQUEEZE",
        inputs=(Role.DATA,),
        options=OptionsTable(30, (OptionField("squeeze_dims", 0, "int32s", ()),)),
        shape=_squeeze,
        fold=_SAME_VALUES,
        rewrite=Rewriter.reshape_all,
    ),
    movement(
        "EXPAND_DIMS",
        inputs=(Role.DATA, Role.NUMBERS),
        options=OptionsTable(52),
        grids=Grids.ONE_BEFORE_REWRITING,
        shape=_expand_dims,
        fold=_SAME_VALUES,
        rewrite=Rewriter.reshape_all,
    ),
    TfliteOperator(
        "SHAPE",
        inputs=(Role.DATA,),
        options=OptionsTable(55, (OptionField("out_type", 0, "int8", names=DTYPES),)),
        types=_shape_types,
        shape=_rank,
        step=None,
        check=_shape_left,
        fold=_shape_value,
    ),
)
