"""maximum, minimum and reduce_max: comparisons, so exact on the integers when all grids are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import direct_rule, island_rule
from relay_passes.dialect.shapes import broadcast, reduce_axes
from relay_passes.dialect.weighted import int8_only
from relay_passes.island import Island
from relay_passes.straight_line import op_name, shape_of

_KINDS = {"relax.maximum": "maximum", "relax.minimum": "minimum"}


def _maximum(op: Operator, args: dict[str, Array]) -> Array:
    """Return the greater of the raw values; the scales are the same."""
    return np.maximum(args["lhs"], args["rhs"])


def _minimum(op: Operator, args: dict[str, Array]) -> Array:
    """Return the lesser of the raw values; the scales are the same."""
    return np.minimum(args["lhs"], args["rhs"])


def _reduce_max(op: Operator, args: dict[str, Array]) -> Array:
    """Return the maximum over axes; input and output have the same quantization."""
    return np.asarray(
        args["data"].max(axis=tuple(int_list(op.attrs["axes"])), keepdims=bool(op.attrs["keepdims"]))
    )


define(
    OpDef("maximum", ("lhs", "rhs"), (), (), broadcast, _maximum),
    OpDef("minimum", ("lhs", "rhs"), (), (), broadcast, _minimum),
    OpDef("reduce_max", ("data",), (), ("axes", "keepdims"), reduce_axes, _reduce_max),
)


@island_rule("relax.maximum", "relax.minimum")
def extremum(island: Island) -> Any | None:
    """Match ``quantize(maximum(dequantize, dequantize))`` and the same with minimum, all of one scale."""
    kind = _KINDS.get(op_name(island.body))
    if kind is None or island.has_clip:
        return None
    tensors = [island.operand(a) for a in island.body.args]
    lhs, rhs = tensors
    if lhs is None or rhs is None:
        return None
    int8_only(island, lhs, rhs)
    if not (lhs.params.same_grid(island.out) and rhs.params.same_grid(island.out)):
        raise island.refuse(
            f"{kind} of tensors with different scales or zero points", "give all three the same"
        )
    return build_call(kind, [lhs.expr, rhs.expr])


@island_rule("relax.max")
def reduce_max(island: Island) -> Any | None:
    """Match ``quantize(max(dequantize, axes))`` with one scale."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None:
        return None
    int8_only(island, data)
    if not data.params.same_grid(island.out):
        raise island.refuse("REDUCE_MAX between different scales or zero points", "give both the same")
    return build_call("reduce_max", [data.expr], **reduction(island.body, len(data.shape)))


@direct_rule("relax.max")
def reduce_max_of_integers(call: Any, data: Any) -> Any | None:
    """``max`` over axes."""
    return build_call("reduce_max", [data], **reduction(call, len(shape_of(call.args[0]))))


def reduction(call: Any, rank: int) -> dict[str, Any]:
    """Return ``axes`` (sorted, not negative) and ``keepdims`` of a Relax reduction."""
    axes = range(rank) if call.attrs.axis is None else (int(a) % rank for a in call.attrs.axis)
    return {"axes": sorted(set(axes)), "keepdims": int(bool(call.attrs.keepdims))}
