"""conv2d, plain or grouped, from stock layout HWIO to OHWI."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import constants_of, four_paddings, int8_only, match_weighted, zero_points
from tvm_patch.tvm_types import Expr


def conv2d(island: Island) -> Expr | None:
    """Match ``quantize(act(conv2d(dequantize, dequantize) + bias))`` with HWIO weights."""
    weighted = match_weighted(island, "relax.nn.conv2d")
    if weighted is None or str(weighted.call.attrs.kernel_layout) != "HWIO":
        return None
    int8_only(island, weighted.data)
    attrs = weighted.call.attrs
    return build_call(
        "conv2d",
        [weighted.data.expr, *constants_of(island, weighted, weighted.weight.value.transpose(3, 0, 1, 2))],
        strides=[int(s) for s in attrs.strides],
        padding=four_paddings(attrs.padding),
        dilation=[int(d) for d in attrs.dilation],
        **zero_points(island, weighted),
    )
