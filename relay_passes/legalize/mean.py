"""mean over any axes, with a rescaling."""

from __future__ import annotations

from math import prod

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.extremum import reduction
from relay_passes.legalize.weighted import int8_only
from tvm_patch.integer import mean_attrs
from tvm_patch.tvm_types import Expr


def mean(island: Island) -> Expr | None:
    """Match ``quantize(mean(dequantize, axes))``."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None:
        return None
    int8_only(island, data)
    where = reduction(island.body, len(data.shape))
    count = prod(data.shape[a] for a in where["axes"])
    scaling = mean_attrs(data.scale, data.zero_point, island.out.scale, island.out.zero_point, count)
    return build_call("mean", [data.expr], **where, **scaling)
