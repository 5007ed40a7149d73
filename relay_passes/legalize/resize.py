"""Bilinear resize written on dequantized data; nearest and the direct int8 forms are in :mod:`direct`."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import int8_only
from tvm_patch.tvm_types import Call, Expr

_MODES = {"align_corners": (1, 0), "half_pixel": (0, 1), "asymmetric": (0, 0)}
_KINDS = {"linear": "resize_bilinear", "nearest_neighbor": "resize_nearest"}


def resize(island: Island) -> Expr | None:
    """Match ``quantize(resize2d(dequantize))`` with one scale."""
    data = None if island.has_clip else island.operand(island.body.args[0])
    if data is None:
        return None
    int8_only(island, data)
    if not data.params.same_grid(island.out):
        raise island.refuse("a resize between different scales or zero points", "give both the same")
    call = resize_call(island.body, data.expr)
    if call is None:
        raise island.refuse("a resize that is neither TFLite's nearest nor its bilinear one")
    return call


def resize_call(stock: Call, data: Expr) -> Expr | None:
    """Return the dialect's form of a stock ``image.resize2d``, or None when TFLite has no such mode."""
    attrs = stock.attrs
    kind = _KINDS.get(str(attrs.method))
    mode = _MODES.get(str(attrs.coordinate_transformation_mode))
    if kind is None or mode is None or str(attrs.layout) != "NHWC":
        return None
    size = [int(d) for d in stock.args[1].values]
    return build_call(kind, [data], size=size, align_corners=mode[0], half_pixel_centers=mode[1])
