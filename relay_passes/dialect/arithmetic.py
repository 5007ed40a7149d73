"""add, sub and mul of two tensors, either of which may be a literal (TFLite add.h, sub.h, mul.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator
from relay_passes.dialect.rules import island_rule
from relay_passes.dialect.shapes import broadcast
from relay_passes.dialect.weighted import clamp, int8_only
from relay_passes.island import Island
from relay_passes.straight_line import op_name
from tvm_patch.integer import add_attrs, mul_attrs, multiply_by_quantized_multiplier

Int64Array = npt.NDArray[np.int64]

_KINDS = {"relax.add": "add", "relax.subtract": "sub", "relax.multiply": "mul"}
_ADDITIVE = (
    "lhs_zero_point", "rhs_zero_point", "output_zero_point", "left_shift",
    "lhs_multiplier", "lhs_shift", "rhs_multiplier", "rhs_shift", "output_multiplier", "output_shift",
    "act_min", "act_max",
)  # fmt: skip
_MUL = ("lhs_zero_point", "rhs_zero_point", "output_zero_point", "multiplier", "shift", "act_min", "act_max")


def _add(op: Operator, args: dict[str, Array]) -> Array:
    """Return lhs + rhs: both rescaled to a common fine scale, added, rescaled to the output's."""
    return _additive(op, args, 1)


def _sub(op: Operator, args: dict[str, Array]) -> Array:
    """Return lhs - rhs, as :func:`_add`."""
    return _additive(op, args, -1)


def _mul(op: Operator, args: dict[str, Array]) -> Array:
    """Return lhs * rhs."""
    product = _centred(op, args, "lhs") * _centred(op, args, "rhs")
    scaled = multiply_by_quantized_multiplier(product, op.attrs["multiplier"], op.attrs["shift"])
    return _clamp(op, scaled.astype(np.int64))


def _additive(op: Operator, args: dict[str, Array], sign: int) -> Array:
    attrs = op.attrs
    scaled = []
    for side in ("lhs", "rhs"):
        shifted = _centred(op, args, side) << int(attrs["left_shift"])
        scaled.append(
            multiply_by_quantized_multiplier(shifted, attrs[f"{side}_multiplier"], attrs[f"{side}_shift"])
        )
    raw = scaled[0].astype(np.int64) + sign * scaled[1].astype(np.int64)
    out = multiply_by_quantized_multiplier(raw, attrs["output_multiplier"], attrs["output_shift"])
    return _clamp(op, out.astype(np.int64))


def _centred(op: Operator, args: dict[str, Array], side: str) -> Int64Array:
    return args[side].astype(np.int64) - int(op.attrs[f"{side}_zero_point"])


def _clamp(op: Operator, scaled: Int64Array) -> Array:
    out = scaled + int(op.attrs["output_zero_point"])
    return np.minimum(np.maximum(out, int(op.attrs["act_min"])), int(op.attrs["act_max"])).astype(np.int8)


define(
    OpDef("add", ("lhs", "rhs"), (), _ADDITIVE, broadcast, _add),
    OpDef("sub", ("lhs", "rhs"), (), _ADDITIVE, broadcast, _sub),
    OpDef("mul", ("lhs", "rhs"), (), _MUL, broadcast, _mul),
)


# A bias looks like an addition, and PReLU is written as one.
@island_rule("relax.add", "relax.subtract", "relax.multiply", last=True)
def arithmetic(island: Island) -> Any | None:
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
