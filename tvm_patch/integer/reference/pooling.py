"""Pooling, reductions and ARG_MAX (TFLite ``integer_ops/pooling.h``, ``reduce.h``, ``arg_min_max.h``)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.params import MEAN_FORMULA
from tvm_patch.integer.reference.registry import Array, Operator, int_list, register
from tvm_patch.integer.requantize import multiply_by_quantized_multiplier

Int64Array = npt.NDArray[np.int64]


@register("avg_pool2d", "data")
def avg_pool2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return the mean of each window without its padding, halves rounded away from zero."""
    data = args["data"].astype(np.int64)
    total = sum(_windows(op, data, 0))
    count = np.asarray(sum(_windows(op, np.ones((1, *data.shape[1:3], 1), np.int64), 0)))
    magnitude = (np.abs(total) + count // 2) // count
    return _clamp(op, np.sign(total) * magnitude)


@register("max_pool2d", "data")
def max_pool2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return the maximum of each window."""
    data = args["data"].astype(np.int64)
    return _clamp(op, np.maximum.reduce(list(_windows(op, data, -128))))


@register("mean", "data")
def mean(op: Operator, args: dict[str, Array]) -> Array:
    """Return the mean over axes; :data:`tvm_patch.integer.params.MEAN_FORMULA` states the formula."""
    attrs = op.attrs
    if attrs["formula"] != MEAN_FORMULA:
        raise ValueError(f"mean has no formula {attrs['formula']}")
    axes = tuple(int_list(attrs["axes"]))
    data = args["data"].astype(np.int64)
    count = int(np.prod([data.shape[a] for a in axes], dtype=np.int64))
    total = data.sum(axis=axes, keepdims=bool(attrs["keepdims"])) - int(attrs["input_zero_point"]) * count
    scaled = multiply_by_quantized_multiplier(total, attrs["multiplier"], attrs["shift"]).astype(np.int64)
    return np.clip(scaled + int(attrs["output_zero_point"]), -128, 127).astype(np.int8)


@register("reduce_max", "data")
def reduce_max(op: Operator, args: dict[str, Array]) -> Array:
    """Return the maximum over axes; input and output have the same quantization."""
    return np.asarray(
        args["data"].max(axis=tuple(int_list(op.attrs["axes"])), keepdims=bool(op.attrs["keepdims"]))
    )


@register("arg_max", "data")
def arg_max(op: Operator, args: dict[str, Array]) -> Array:
    """Return the index of the maximum along an axis, the first one of equals."""
    return np.asarray(np.argmax(args["data"], axis=int(op.attrs["axis"]))).astype(str(op.attrs["dtype"]))


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
