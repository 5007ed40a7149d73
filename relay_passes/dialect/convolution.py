"""conv2d, depthwise_conv2d and transpose_conv2d (TFLite conv.h, depthwise_conv.h, transpose_conv.h)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import island_rule
from relay_passes.dialect.shapes import Attrs, Shape, explicit, window_hw
from relay_passes.dialect.weighted import (
    CONSTANTS,
    ZERO_POINTS,
    Float64Array,
    centred,
    constants_of,
    four_paddings,
    int8_only,
    match_weighted,
    rescale,
    zero_points,
)
from relay_passes.island import Island


def _conv2d_shape(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data, OHWI weight."""
    data, weight = shapes[0], shapes[1]
    return (data[0], *window_hw(data, weight[1:3], attrs, attrs["dilation"]), weight[0])


def _depthwise_conv2d_shape(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data, 1HW(C*M) weight."""
    data, weight = shapes[0], shapes[1]
    return (data[0], *window_hw(data, weight[1:3], attrs, attrs["dilation"]), weight[3])


def _conv2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return a convolution: NHWC int8 data, OHWI int8 weight, groups = data channels / weight channels."""
    weight = args["weight"]
    out_channels, kernel_h, kernel_w, group_in = weight.shape
    data = centred(op, args["data"])
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
    return rescale(op, args, acc)


def _depthwise_conv2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return a depthwise convolution: weight 1HW(C*M), output channel o reads input channel o // M."""
    weight = args["weight"]
    _, kernel_h, kernel_w, out_channels = weight.shape
    data = centred(op, args["data"])
    data = np.repeat(data, out_channels // data.shape[3], axis=3)
    taps = _Taps(op, data, kernel_h, kernel_w)
    acc = np.zeros((*taps.shape, out_channels))
    for i in range(kernel_h):
        for j in range(kernel_w):
            acc += taps.at(i, j) * weight[0, i, j].astype(np.float64)
    return rescale(op, args, acc)


def _transpose_conv2d(op: Operator, args: dict[str, Array]) -> Array:
    """Return a transposed convolution: every input pixel adds a weighted OHWI patch to the output."""
    weight = args["weight"]
    out_channels, kernel_h, kernel_w, _ = weight.shape
    data = centred(op, args["data"])
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
    return rescale(op, args, canvas[:, top : top + out_h, left : left + out_w])


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


define(
    # weight OHWI; groups = IC / weight.shape[3]
    OpDef(
        "conv2d",
        arguments=("data", *CONSTANTS),
        constants=CONSTANTS,
        attributes=("strides", "padding", "dilation", *ZERO_POINTS),
        infer_shape=_conv2d_shape,
        reference=_conv2d,
    ),
    # weight 1HW(IC*M): output channel o reads input channel o // M
    OpDef(
        "depthwise_conv2d",
        arguments=("data", *CONSTANTS),
        constants=CONSTANTS,
        attributes=("strides", "padding", "dilation", *ZERO_POINTS),
        infer_shape=_depthwise_conv2d_shape,
        reference=_depthwise_conv2d,
    ),
    # weight OHWI; padding is what the forward convolution would have had (top, left, bottom, right)
    OpDef(
        "transpose_conv2d",
        arguments=("data", *CONSTANTS),
        constants=CONSTANTS,
        attributes=("strides", "padding", "output_shape", *ZERO_POINTS),
        infer_shape=explicit,
        reference=_transpose_conv2d,
    ),
)


@island_rule("relax.nn.conv2d", "relax.add")
def conv2d(island: Island) -> Any | None:
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


@island_rule("relax.nn.conv2d", "relax.add")
def depthwise_conv2d(island: Island) -> Any | None:
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


@island_rule("relax.nn.conv2d_transpose", "relax.add")
def transpose_conv2d(island: Island) -> Any | None:
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
