"""prelu, written as ``relu(x) + alpha * minimum(x, 0)`` with a quantized literal alpha."""

from __future__ import annotations

from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator
from relay_passes.dialect.rules import island_rule
from relay_passes.dialect.shapes import broadcast
from relay_passes.dialect.weighted import int8_only
from relay_passes.island import Island
from relay_passes.straight_line import op_name
from tvm_patch.integer import multiply_by_quantized_multiplier, prelu_attrs


def _prelu(op: Operator, args: dict[str, Array]) -> Array:
    """Return data where it is at least its zero point, data * alpha elsewhere; alpha broadcasts."""
    attrs = op.attrs
    data = args["data"].astype(np.int64) - int(attrs["input_zero_point"])
    alpha = args["alpha"].astype(np.int64) - int(attrs["alpha_zero_point"])
    positive = multiply_by_quantized_multiplier(data, attrs["positive_multiplier"], attrs["positive_shift"])
    negative = multiply_by_quantized_multiplier(
        data * alpha, attrs["negative_multiplier"], attrs["negative_shift"]
    )
    out = np.where(data >= 0, positive, negative).astype(np.int64) + int(attrs["output_zero_point"])
    return np.clip(out, -128, 127).astype(np.int8)


define(
    OpDef(
        "prelu",
        arguments=("data", "alpha"),
        constants=("alpha",),
        attributes=(
            "input_zero_point",
            "alpha_zero_point",
            "output_zero_point",
            "positive_multiplier",
            "positive_shift",
            "negative_multiplier",
            "negative_shift",
        ),
        infer_shape=broadcast,
        reference=_prelu,
    )
)


@island_rule("relax.add")
def prelu(island: Island) -> Any | None:
    """Match ``quantize(relu(x) + dequantize(alpha) * minimum(x, 0))`` with ``x`` a dequantize."""
    if island.has_clip or op_name(island.body) != "relax.add":
        return None
    positive, negative = (island.definition(a) for a in island.body.args)
    if op_name(positive) != "relax.nn.relu" or op_name(negative) != "relax.multiply":
        return None
    alpha, below = island.operand(negative.args[0]), island.definition(negative.args[1])
    if (
        alpha is None
        or alpha.value is None
        or op_name(below) != "relax.minimum"
        or island.scalar(below.args[1]) != 0
    ):
        return None
    data, again = island.operand(positive.args[0]), island.operand(below.args[0])
    if data is None or again is None or (data.expr is not again.expr and data.expr != again.expr):
        return None
    int8_only(island, data, alpha)
    attrs = prelu_attrs(
        data.scale, data.zero_point, alpha.scale, alpha.zero_point, island.out.scale, island.out.zero_point
    )
    return build_call("prelu", [data.expr, alpha.expr], **attrs)
