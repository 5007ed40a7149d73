"""fully_connected from matmul with a literal right-hand side."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import constants_of, int8_only, match_weighted, zero_points
from tvm_patch.integer import fully_connected_multipliers
from tvm_patch.tvm_types import Expr


def fully_connected(island: Island) -> Expr | None:
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
