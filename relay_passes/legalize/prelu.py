"""prelu, written as ``relu(x) + alpha * minimum(x, 0)`` with a quantized literal alpha."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import int8_only
from relay_passes.straight_line import op_name
from tvm_patch.integer import prelu_attrs
from tvm_patch.tvm_types import Expr


def prelu(island: Island) -> Expr | None:
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
