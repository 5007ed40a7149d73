"""maximum, minimum and reduce_max: comparisons, so exact on the integers when all grids are the same."""

from __future__ import annotations

from typing import Any

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import int8_only
from relay_passes.straight_line import op_name
from tvm_patch.tvm_types import Call, Expr

_KINDS = {"relax.maximum": "maximum", "relax.minimum": "minimum"}


def extremum(island: Island) -> Expr | None:
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


def reduce_max(island: Island) -> Expr | None:
    """Match ``quantize(max(dequantize, axes))`` with one scale."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None:
        return None
    int8_only(island, data)
    if not data.params.same_grid(island.out):
        raise island.refuse("REDUCE_MAX between different scales or zero points", "give both the same")
    return build_call("reduce_max", [data.expr], **reduction(island.body, len(data.shape)))


def reduction(call: Call, rank: int) -> dict[str, Any]:
    """Return ``axes`` (sorted, not negative) and ``keepdims`` of a Relax reduction."""
    axes = range(rank) if call.attrs.axis is None else (int(a) % rank for a in call.attrs.axis)
    return {"axes": sorted(set(axes)), "keepdims": int(bool(call.attrs.keepdims))}
