"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR (TFLite ``reference_ops``)."""

from __future__ import annotations

import numpy as np

from tvm_patch.integer.reference.registry import Array, Operator, int_list, register
from tvm_patch.integer.resize import FRACTION_BITS, bilinear_coordinates, nearest_indices


@register("resize_nearest", "data")
def resize_nearest(op: Operator, args: dict[str, Array]) -> Array:
    """Return NHWC data resized to the nearest pixels."""
    data = args["data"]
    height, width = int_list(op.attrs["size"])
    flags = bool(op.attrs["align_corners"]), bool(op.attrs["half_pixel_centers"])
    rows = nearest_indices(data.shape[1], height, *flags)
    columns = nearest_indices(data.shape[2], width, *flags)
    return data[:, rows][:, :, columns]


@register("resize_bilinear", "data")
def resize_bilinear(op: Operator, args: dict[str, Array]) -> Array:
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
    divided: np.ndarray = np.sign(total) * ((np.abs(total) + half) >> (2 * FRACTION_BITS))
    return divided.astype(np.int8)
