"""fully_connected (TFLite ``integer_ops/fully_connected.h``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import island_rule
from relay_passes.dialect.shapes import explicit
from relay_passes.dialect.weighted import (
    CONSTANTS,
    ZERO_POINTS,
    centred,
    clamped,
    constants_of,
    int8_only,
    match_weighted,
    total_of,
    zero_points,
)
from relay_passes.island import Island
from tvm_patch.integer import fully_connected_multipliers, multiply_exact


def _fully_connected(op: Operator, args: dict[str, Array]) -> Array:
    """Return ``data (-1, I) @ weight (O, I).T``, rescaled by :func:`multiply_exact` (int64 multipliers)."""
    weight = args["weight"]
    data = centred(op, args["data"]).reshape(-1, weight.shape[1])
    if args["multiplier"].dtype != np.int64:
        raise ValueError("fully_connected takes the int64 multipliers of fully_connected_multipliers")
    total = total_of(op, args, data @ weight.astype(np.float64).T)
    scaled = multiply_exact(total, args["multiplier"], args["shift"])
    return clamped(op, scaled).reshape(int_list(op.attrs["output_shape"]))


define(
    # weight (O, I); data is read as (-1, I).  Its rescaling is BUILTIN_REF's double: multiplier is an int64 vector of
    # 53-bit mantissas, real = multiplier * 2**(shift - 53); see tvm_patch.integer.multiply_exact
    OpDef(
        "fully_connected",
        arguments=("data", *CONSTANTS),
        constants=CONSTANTS,
        attributes=("output_shape", *ZERO_POINTS),
        infer_shape=explicit,
        reference=_fully_connected,
    )
)


@island_rule("relax.matmul", "relax.add")
def fully_connected(island: Island) -> Any | None:
    """Match ``quantize(act(matmul(dequantize, dequantize) + bias))`` with weights of shape (inputs, outputs)."""
    weighted = match_weighted(island, "relax.matmul")
    if weighted is None:
        return None
    if weighted.weight.value.ndim != 2:
        raise island.refuse(f"matmul with a constant of shape {weighted.weight.value.shape}")
    int8_only(island, weighted.data)
    weight = weighted.weight.value.T
    pairs = fully_connected_multipliers(
        weighted.data.scale, weighted.weight.scales, island.out.scale, weight.shape[0]
    )
    return build_call(
        "fully_connected",
        [weighted.data.expr, *constants_of(island, weighted, weight, pairs)],
        output_shape=list(island.out_shape),
        **zero_points(island, weighted),
    )
