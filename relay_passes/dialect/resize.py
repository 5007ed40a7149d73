"""resize_nearest and resize_bilinear (TFLite ``reference_ops``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import direct_rule, island_rule
from relay_passes.dialect.shapes import Attrs, Shape
from relay_passes.dialect.weighted import int8_only
from relay_passes.island import Island
from tvm_patch.integer.resize import FRACTION_BITS, bilinear_coordinates, nearest_indices

_MODES = {"align_corners": (1, 0), "half_pixel": (0, 1), "asymmetric": (0, 0)}
_KINDS = {"linear": "resize_bilinear", "nearest_neighbor": "resize_nearest"}


_ATTRIBUTES = ("size", "align_corners", "half_pixel_centers")


def _shape(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data to ``size`` = (height, width)."""
    data = shapes[0]
    return (data[0], int(attrs["size"][0]), int(attrs["size"][1]), data[3])


def _resize_nearest(op: Operator, args: dict[str, Array]) -> Array:
    """Return NHWC data resized to the nearest pixels."""
    data = args["data"]
    height, width = int_list(op.attrs["size"])
    flags = bool(op.attrs["align_corners"]), bool(op.attrs["half_pixel_centers"])
    rows = nearest_indices(data.shape[1], height, *flags)
    columns = nearest_indices(data.shape[2], width, *flags)
    return data[:, rows][:, :, columns]


def _resize_bilinear(op: Operator, args: dict[str, Array]) -> Array:
    """Return NHWC data interpolated with Q10 weights, halves rounded away from zero."""
    data = args["data"].astype(np.int64)
    height, width = int_list(op.attrs["size"])
    flags = bool(op.attrs["align_corners"]), bool(op.attrs["half_pixel_centers"])
    top, bottom, weight_y = bilinear_coordinates(data.shape[1], height, *flags)
    left, right, weight_x = bilinear_coordinates(data.shape[2], width, *flags)
    one = 1 << FRACTION_BITS
    wy, wx = weight_y[:, None, None], weight_x[:, None]
    rows = data[:, top] * (one - wy) + data[:, bottom] * wy
    total = rows[:, :, left] * (one - wx) + rows[:, :, right] * wx
    half = 1 << (2 * FRACTION_BITS - 1)
    # Division towards zero after adding half with the sign of the sum.
    rounded: Array = np.sign(total) * ((np.abs(total) + half) >> (2 * FRACTION_BITS))
    return rounded.astype(np.int8)


define(
    OpDef("resize_nearest", ("data",), (), _ATTRIBUTES, _shape, _resize_nearest),
    OpDef("resize_bilinear", ("data",), (), _ATTRIBUTES, _shape, _resize_bilinear),
)


@island_rule("relax.image.resize2d")
def resize(island: Island) -> Any | None:
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


@direct_rule("relax.image.resize2d")
def resize_call(stock: Any, data: Any) -> Any | None:
    """Return the dialect's form of a stock ``image.resize2d``, or None when TFLite has no such mode."""
    attrs = stock.attrs
    kind = _KINDS.get(str(attrs.method))
    mode = _MODES.get(str(attrs.coordinate_transformation_mode))
    if kind is None or mode is None or str(attrs.layout) != "NHWC":
        return None
    size = [int(d) for d in stock.args[1].values]
    return build_call(kind, [data], size=size, align_corners=mode[0], half_pixel_centers=mode[1])
