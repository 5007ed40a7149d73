"""avg_pool2d and max_pool2d (TFLite ``integer_ops/pooling.h``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import direct_rule
from relay_passes.dialect.shapes import Attrs, Shape, window_hw
from relay_passes.dialect.weighted import four_paddings

Int64Array = npt.NDArray[np.int64]

_ATTRIBUTES = ("pool_size", "strides", "padding", "act_min", "act_max")
_INT8_RANGE = (-128, 127)


def _shape(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data."""
    data = shapes[0]
    return (data[0], *window_hw(data, attrs["pool_size"], attrs, (1, 1)), data[3])


def _avg_pool2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return the mean of each window without its padding, halves rounded away from zero."""
    data = args["data"].astype(np.int64)
    total = sum(_windows(op, data, 0))
    count = np.asarray(sum(_windows(op, np.ones((1, *data.shape[1:3], 1), np.int64), 0)))
    magnitude = (np.abs(total) + count // 2) // count
    return _clamp(op, np.sign(total) * magnitude)


def _max_pool2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return the maximum of each window."""
    data = args["data"].astype(np.int64)
    return _clamp(op, np.maximum.reduce(list(_windows(op, data, -128))))


def _windows(op: Operator, data: Int64Array, fill: int) -> Iterator[Int64Array]:
    """Yield for every position in the window the (N, OH, OW, C) view of the pixels there."""
    top, left, bottom, right = int_list(op.attrs["padding"])
    stride_h, stride_w = int_list(op.attrs["strides"])
    pool_h, pool_w = int_list(op.attrs["pool_size"])
    padded = np.pad(data, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    out_h = (padded.shape[1] - pool_h) // stride_h + 1
    out_w = (padded.shape[2] - pool_w) // stride_w + 1
    for i in range(pool_h):
        for j in range(pool_w):
            rows = slice(i, i + (out_h - 1) * stride_h + 1, stride_h)
            yield padded[:, rows, j : j + (out_w - 1) * stride_w + 1 : stride_w]


def _clamp(op: Operator, x: Int64Array) -> Array:
    return np.minimum(np.maximum(x, int(op.attrs["act_min"])), int(op.attrs["act_max"])).astype(np.int8)


define(
    OpDef("avg_pool2d", ("data",), (), _ATTRIBUTES, _shape, _avg_pool2d),
    OpDef("max_pool2d", ("data",), (), _ATTRIBUTES, _shape, _max_pool2d),
)


def pool(kind: str, call: Any, data: Any) -> Any | None:
    """Return dialect ``avg_pool2d`` or ``max_pool2d`` for a stock pool, without a clamp."""
    attrs = call.attrs
    odd = bool(attrs.ceil_mode) or bool(attrs.count_include_pad) or [int(d) for d in attrs.dilation] != [1, 1]
    if odd or str(attrs.layout) != "NHWC":
        return None
    return build_call(
        kind,
        [data],
        pool_size=[int(p) for p in attrs.pool_size],
        strides=[int(s) for s in attrs.strides],
        padding=four_paddings(attrs.padding),
        act_min=_INT8_RANGE[0],
        act_max=_INT8_RANGE[1],
    )


@direct_rule("relax.nn.max_pool2d")
def max_pool2d(call: Any, data: Any) -> Any | None:
    """``nn.max_pool2d`` on int8."""
    return pool("max_pool2d", call, data)
