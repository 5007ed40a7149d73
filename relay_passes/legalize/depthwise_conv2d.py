"""depthwise_conv2d with any multiplier, from stock layout HWOI (one input channel a group) to 1HWC."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import constants_of, four_paddings, int8_only, match_weighted, zero_points
from tvm_patch.tvm_types import Expr


def depthwise_conv2d(island: Island) -> Expr | None:
    """Match ``quantize(act(conv2d(dequantize, dequantize) + bias))`` with HWOI weights and a group a channel."""
    weighted = match_weighted(island, "relax.nn.conv2d")
    if weighted is None or str(weighted.call.attrs.kernel_layout) != "HWOI":
        return None
    attrs, weight = weighted.call.attrs, weighted.weight.value
    if weight.shape[3] != 1 or int(attrs.groups) != weighted.data.shape[3]:
        raise island.refuse(
            f"a convolution with weights {weight.shape} in layout HWOI and {attrs.groups} groups"
        )
    int8_only(island, weighted.data)
    return build_call(
        "depthwise_conv2d",
        [weighted.data.expr, *constants_of(island, weighted, weight[None, :, :, :, 0])],
        strides=[int(s) for s in attrs.strides],
        padding=four_paddings(attrs.padding),
        dilation=[int(d) for d in attrs.dilation],
        **zero_points(island, weighted),
    )
