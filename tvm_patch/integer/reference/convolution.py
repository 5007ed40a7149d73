"""Convolutions and FULLY_CONNECTED (TFLite ``integer_ops``: conv.h, depthwise_conv.h, transpose_conv.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.reference.registry import Array, Operator, int_list, register
from tvm_patch.integer.requantize import multiply_by_quantized_multiplier, multiply_exact

Float64Array = npt.NDArray[np.float64]


@register("conv2d", "data", "weight", "bias", "multiplier", "shift")
def conv2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return a convolution: NHWC int8 data, OHWI int8 weight, groups = data channels / weight channels."""
    weight = args["weight"]
    out_channels, kernel_h, kernel_w, group_in = weight.shape
    data = _centred(op, args["data"])
    groups = data.shape[3] // group_in
    group_out = out_channels // groups
    taps = _Taps(op, data, kernel_h, kernel_w)
    acc = np.zeros((*taps.shape, out_channels))
    for i in range(kernel_h):
        for j in range(kernel_w):
            pixels = taps.at(i, j)
            for g in range(groups):
                out = slice(g * group_out, (g + 1) * group_out)
                inside = slice(g * group_in, (g + 1) * group_in)
                # Exact: sums of integer products far below 2**53.
                acc[..., out] += pixels[..., inside] @ weight[out, i, j].astype(np.float64).T
    return _rescale(op, args, acc)


@register("depthwise_conv2d", "data", "weight", "bias", "multiplier", "shift")
def depthwise_conv2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return a depthwise convolution: weight 1HW(C*M), output channel o reads input channel o // M."""
    weight = args["weight"]
    _, kernel_h, kernel_w, out_channels = weight.shape
    data = _centred(op, args["data"])
    data = np.repeat(data, out_channels // data.shape[3], axis=3)
    taps = _Taps(op, data, kernel_h, kernel_w)
    acc = np.zeros((*taps.shape, out_channels))
    for i in range(kernel_h):
        for j in range(kernel_w):
            acc += taps.at(i, j) * weight[0, i, j].astype(np.float64)
    return _rescale(op, args, acc)


@register("transpose_conv2d", "data", "weight", "bias", "multiplier", "shift")
def transpose_conv2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return a transposed convolution: every input pixel adds a weighted OHWI patch to the output."""
    weight = args["weight"]
    out_channels, kernel_h, kernel_w, _ = weight.shape
    data = _centred(op, args["data"])
    batch, height, width, _ = data.shape
    stride_h, stride_w = int_list(op.attrs["strides"])
    top, left = int_list(op.attrs["padding"])[:2]
    _, out_h, out_w, _ = int_list(op.attrs["output_shape"])
    # Everything that the patches reach or the output needs; outputs no patch reaches hold the bias alone.
    canvas_h = max((height - 1) * stride_h + kernel_h, top + out_h)
    canvas_w = max((width - 1) * stride_w + kernel_w, left + out_w)
    canvas = np.zeros((batch, canvas_h, canvas_w, out_channels))
    for i in range(kernel_h):
        for j in range(kernel_w):
            rows = slice(i, i + (height - 1) * stride_h + 1, stride_h)
            columns = slice(j, j + (width - 1) * stride_w + 1, stride_w)
            canvas[:, rows, columns] += data @ weight[:, i, j].astype(np.float64).T
    return _rescale(op, args, canvas[:, top : top + out_h, left : left + out_w])


@register("fully_connected", "data", "weight", "bias", "multiplier", "shift")
def fully_connected(op: Operator, args: dict[str, Array]) -> Array:
    """Return ``data (-1, I) @ weight (O, I).T``, rescaled by :func:`multiply_exact` (int64 multipliers)."""
    weight = args["weight"]
    data = _centred(op, args["data"]).reshape(-1, weight.shape[1])
    if args["multiplier"].dtype != np.int64:
        raise ValueError("fully_connected takes the int64 multipliers of fully_connected_multipliers")
    total = _total(op, args, data @ weight.astype(np.float64).T)
    scaled = multiply_exact(total, args["multiplier"], args["shift"])
    return _clamp(op, scaled).reshape(int_list(op.attrs["output_shape"]))


class _Taps:
    """The input pixels that each kernel position meets, with zeros (the zero point) around the borders."""

    def __init__(self, op: Operator, data: Float64Array, kernel_h: int, kernel_w: int) -> None:
        top, left, bottom, right = int_list(op.attrs["padding"])
        self.stride = int_list(op.attrs["strides"])
        self.dilation = int_list(op.attrs["dilation"])
        self.padded = np.pad(data, ((0, 0), (top, bottom), (left, right), (0, 0)))
        self.out_h = (self.padded.shape[1] - (kernel_h - 1) * self.dilation[0] - 1) // self.stride[0] + 1
        self.out_w = (self.padded.shape[2] - (kernel_w - 1) * self.dilation[1] - 1) // self.stride[1] + 1
        self.shape = (data.shape[0], self.out_h, self.out_w)

    def at(self, i: int, j: int) -> Float64Array:
        """Return the (N, OH, OW, C) view of pixels that kernel position (i, j) reads."""
        y, x = i * self.dilation[0], j * self.dilation[1]
        rows = slice(y, y + (self.out_h - 1) * self.stride[0] + 1, self.stride[0])
        columns = slice(x, x + (self.out_w - 1) * self.stride[1] + 1, self.stride[1])
        return self.padded[:, rows, columns]


def _centred(op: Operator, data: Array) -> Float64Array:
    return data.astype(np.float64) - int(op.attrs["input_zero_point"])


def _rescale(op: Operator, args: dict[str, Array], acc: Float64Array) -> npt.NDArray[Any]:
    total = _total(op, args, acc)
    scaled = multiply_by_quantized_multiplier(total, args["multiplier"], args["shift"])
    return _clamp(op, scaled.astype(np.int64))


def _total(op: Operator, args: dict[str, Array], acc: Float64Array) -> npt.NDArray[np.int64]:
    total = acc.astype(np.int64) + args["bias"].astype(np.int64)
    if total.size and np.abs(total).max() >= 2**31:
        raise ValueError(f"{op.kind}: an accumulator leaves int32")
    return total


def _clamp(op: Operator, scaled: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    low, high = int(op.attrs["act_min"]), int(op.attrs["act_max"])
    return np.minimum(np.maximum(scaled + int(op.attrs["output_zero_point"]), low), high).astype(np.int8)
