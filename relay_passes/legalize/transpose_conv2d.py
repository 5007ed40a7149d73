"""transpose_conv2d, from stock layout IOHW to OHWI."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import constants_of, four_paddings, int8_only, match_weighted, zero_points
from tvm_patch.tvm_types import Expr


def transpose_conv2d(island: Island) -> Expr | None:
    """Match ``quantize(act(conv2d_transpose(dequantize, dequantize) + bias))``."""
    weighted = match_weighted(island, "relax.nn.conv2d_transpose")
    if weighted is None:
        return None
    attrs = weighted.call.attrs
    if (
        str(attrs.kernel_layout) != "IOHW"
        or [int(d) for d in attrs.dilation] != [1, 1]
        or int(attrs.groups) != 1
    ):
        raise island.refuse("a transposed convolution that is grouped, dilated or not in layout IOHW")
    int8_only(island, weighted.data)
    return build_call(
        "transpose_conv2d",
        [weighted.data.expr, *constants_of(island, weighted, weighted.weight.value.transpose(1, 2, 3, 0))],
        strides=[int(s) for s in attrs.strides],
        padding=four_paddings(attrs.padding),
        output_shape=list(island.out_shape),
        **zero_points(island, weighted),
    )
