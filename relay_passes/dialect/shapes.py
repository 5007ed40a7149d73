"""Output shapes of the dialect's operators, from input shapes and attributes (pure Python)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
Attrs = Mapping[str, Any]


def window_extent(size: int, kernel: int, stride: int, dilation: int, pad_before: int, pad_after: int) -> int:
    """Return the number of positions a dilated window takes along an axis of `size` with padding."""
    reach = (kernel - 1) * dilation + 1
    return (size + pad_before + pad_after - reach) // stride + 1


def _window_hw(data: Shape, kernel: Sequence[int], attrs: Attrs, dilation: Sequence[int]) -> tuple[int, int]:
    top, left, bottom, right = attrs["padding"]
    stride_h, stride_w = attrs["strides"]
    return (
        window_extent(data[1], kernel[0], stride_h, dilation[0], top, bottom),
        window_extent(data[2], kernel[1], stride_w, dilation[1], left, right),
    )


def conv2d(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data, OHWI weight."""
    data, weight = shapes[0], shapes[1]
    return (data[0], *_window_hw(data, weight[1:3], attrs, attrs["dilation"]), weight[0])


def depthwise_conv2d(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data, 1HW(C*M) weight."""
    data, weight = shapes[0], shapes[1]
    return (data[0], *_window_hw(data, weight[1:3], attrs, attrs["dilation"]), weight[3])


def pool2d(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data."""
    data = shapes[0]
    return (data[0], *_window_hw(data, attrs["pool_size"], attrs, (1, 1)), data[3])


def explicit(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Return the attribute ``output_shape``."""
    return tuple(int(d) for d in attrs["output_shape"])


def same_as_input(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Element-wise on one tensor."""
    return tuple(shapes[0])


def broadcast(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Numpy broadcasting of the first two arguments."""
    lhs, rhs = list(shapes[0]), list(shapes[1])
    rank = max(len(lhs), len(rhs))
    lhs, rhs = [1] * (rank - len(lhs)) + lhs, [1] * (rank - len(rhs)) + rhs
    out = []
    for a, b in zip(lhs, rhs, strict=True):
        if a != b and 1 not in (a, b):
            raise ValueError(f"shapes {tuple(shapes[0])} and {tuple(shapes[1])} do not broadcast")
        out.append(max(a, b))
    return tuple(out)


def reduce_axes(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Remove (or keep as 1) the attribute ``axes``."""
    axes = {int(a) for a in attrs["axes"]}
    keep = bool(attrs["keepdims"])
    return tuple(1 if i in axes else d for i, d in enumerate(shapes[0]) if keep or i not in axes)


def pad(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Attribute ``pad_width`` = (before0, after0, before1, after1, ...)."""
    width = attrs["pad_width"]
    return tuple(d + int(width[2 * i]) + int(width[2 * i + 1]) for i, d in enumerate(shapes[0]))


def resize(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """NHWC data to ``size`` = (height, width)."""
    data = shapes[0]
    return (data[0], int(attrs["size"][0]), int(attrs["size"][1]), data[3])


def drop_axis(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Remove the attribute ``axis``."""
    axis = int(attrs["axis"])
    return tuple(d for i, d in enumerate(shapes[0]) if i != axis)
