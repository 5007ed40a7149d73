"""add, sub and mul of two quantized tensors, either of which may be a literal."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import clamp, int8_only
from relay_passes.straight_line import op_name
from tvm_patch.integer import add_attrs, mul_attrs
from tvm_patch.tvm_types import Expr

_KINDS = {"relax.add": "add", "relax.subtract": "sub", "relax.multiply": "mul"}


def arithmetic(island: Island) -> Expr | None:
    """Match ``quantize(act(dequantize op dequantize))``."""
    kind = _KINDS.get(op_name(island.body))
    if kind is None:
        return None
    lhs, rhs = island.operand(island.body.args[0]), island.operand(island.body.args[1])
    if lhs is None or rhs is None:
        return None
    int8_only(island, lhs, rhs)
    make = mul_attrs if kind == "mul" else add_attrs
    attrs = make(
        lhs.scale, lhs.zero_point, rhs.scale, rhs.zero_point, island.out.scale, island.out.zero_point
    )
    return build_call(kind, [lhs.expr, rhs.expr], **{**attrs, **clamp(island)})
