"""MEAN, REDUCE_MAX and ARG_MAX."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import Grids, TfliteOperator, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import type_option
from tvm_patch.tflite.schema import DTYPES, OptionField, OptionsTable, flag
from tvm_patch.tflite.use import Role, Shape, Use

_REDUCER = OptionsTable(27, (flag("keep_dims", 0),))
_INPUTS = (Role.DATA, Role.NUMBERS)


def _reduce(use: Use) -> list[Shape]:
    data = use.shape(0)
    axes = {use.axis(a, len(data)) for a in use.ints(1)}
    keep = bool(use.op.options["keep_dims"])
    return [tuple(1 if i in axes else d for i, d in enumerate(data) if keep or i not in axes)]


def _rewrite_reduce(r: Rewriter, op: Operator) -> None:
    """Emit it with axes sorted and not negative."""
    rank = len(r.tensors[op.inputs[0]].shape)
    axes = sorted({int(a) % rank for a in r.constant(op, 1).reshape(-1)})
    r.emit(replace(op, inputs=(op.inputs[0], r.ints(axes, "axes"))))


def _convert_reduce_max(c: Any) -> Any:
    return c.relax.op.max(c.data(), c.ints(1), bool(c.options["keep_dims"]))


def _arg_max(use: Use) -> list[Shape]:
    data = use.shape(0)
    axis = use.axis(use.ints(1, 1, wide=True)[0], len(data))
    return [data[:axis] + data[axis + 1 :]]


def _arg_max_types(use: Use) -> None:
    use.want(use.tensor(0), ("int8",))
    use.agree(use.outputs[0], type_option(use, "output_type"))


def _rewrite_arg_max(r: Rewriter, op: Operator) -> None:
    """Emit it with an axis that is not negative."""
    axis = int(r.constant(op, 1).reshape(-1)[0]) % len(r.tensors[op.inputs[0]].shape)
    r.emit(replace(op, inputs=(op.inputs[0], r.ints([axis], "axis"))))


def _convert_arg_max(c: Any) -> Any:
    result = c.relax.op.argmax(c.data(), axis=c.ints(1)[0], keepdims=False)
    return result if c.output.dtype == "int64" else c.relax.op.astype(result, c.output.dtype)


register(
    TfliteOperator(
        "MEAN", inputs=_INPUTS, options=_REDUCER, version=2, shape=_reduce, rewrite=_rewrite_reduce
    ),
    TfliteOperator(
        "REDUCE_MAX",
        inputs=_INPUTS,
        options=_REDUCER,
        version=2,
        grids=Grids.ONE,
        shape=_reduce,
        rewrite=_rewrite_reduce,
        convert=_convert_reduce_max,
    ),
    TfliteOperator(
        "ARG_MAX",
        inputs=_INPUTS,
        options=OptionsTable(40, (OptionField("output_type", 0, "int8", names=DTYPES),)),
        version=2,
        types=_arg_max_types,
        shape=_arg_max,
        step=None,
        rewrite=_rewrite_arg_max,
        convert=_convert_arg_max,
    ),
)
