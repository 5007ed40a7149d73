"""Output shapes that several operators of the dialect share, from input shapes and attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
Attrs = Mapping[str, Any]


def window_extent(size: int, kernel: int, stride: int, dilation: int, pad_before: int, pad_after: int) -> int:
    """Return the number of positions a dilated window takes along an axis of `size` with padding."""
    reach = (kernel - 1) * dilation + 1
    return (size + pad_before + pad_after - reach) // stride + 1


def window_hw(data: Shape, kernel: Sequence[int], attrs: Attrs, dilation: Sequence[int]) -> tuple[int, int]:
    """Return height and width of what a window makes of NHWC `data`."""
    top, left, bottom, right = attrs["padding"]
    stride_h, stride_w = attrs["strides"]
    return (
        window_extent(data[1], kernel[0], stride_h, dilation[0], top, bottom),
        window_extent(data[2], kernel[1], stride_w, dilation[1], left, right),
    )


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
