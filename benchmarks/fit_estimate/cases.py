"""Single operators over a grid of geometries, built with the model builder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_patch.tflite.builder import ModelBuilder

Numbers = dict[str, Any]
IN, OUT = 0.05, 0.1
"""Scales of inputs and outputs; with weights of this one every rescaling takes the short form, as usual."""
WEIGHT = 0.0103
"""Of weights.  No multiplier may be a power of two: its ties keep fully connected operators from the usual form."""


@dataclass(frozen=True)
class Case:
    """One operator at one geometry.

    Attributes
    ----------
    kind : str
        A key of :data:`KINDS`.
    numbers : dict
        Its geometry, as keywords of the function there.
    bands : tuple of int
        In how many bands it is measured; those that are not legal are left out.
    """

    kind: str
    numbers: Numbers
    bands: tuple[int, ...] = (1,)


class CaseBuilder(ModelBuilder):
    """A model of independent operators, each with inputs and an output of its own."""

    def add_case(self, case: Case) -> None:
        """Add a case."""
        self.output(KINDS[case.kind](self, **case.numbers))

    def data(self, *shape: int) -> int:
        """Add an input."""
        return self.input(f"x{len(self._inputs)}", shape, IN, 3)


def image(builder: CaseBuilder, height: int, width: int, channels: int) -> int:
    """Add an input picture."""
    return builder.data(1, height, width, channels)


def _weights(shape: tuple[int, ...], channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights as training leaves them, most of them small: what sums may reach decides on the form of a loop."""
    rng = np.random.default_rng(sum(shape))
    weight = np.clip(np.rint(rng.normal(0, 32, shape)), -127, 127).astype(np.int8)
    return weight, rng.integers(-999, 999, channels, dtype=np.int32)


def conv(
    b: CaseBuilder,
    h: int,
    w: int,
    c: int,
    o: int,
    kh: int = 1,
    kw: int = 1,
    s: int = 1,
    pad: int = 1,
    relu: int = 1,
) -> int:
    weight, bias = _weights((o, kh, kw, c), o)
    padding, zero_point = "SAME" if pad else "VALID", -128 if relu else -5
    return b.conv2d(image(b, h, w, c), weight, bias, WEIGHT, OUT, zero_point, stride=s, padding=padding)


def depthwise(
    b: CaseBuilder,
    h: int,
    w: int,
    c: int,
    kh: int = 3,
    kw: int = 3,
    s: int = 1,
    pad: int = 1,
    m: int = 1,
    relu: int = 1,
) -> int:
    weight, bias = _weights((1, kh, kw, c * m), c * m)
    padding, zero_point = "SAME" if pad else "VALID", -128 if relu else -5
    return b.depthwise_conv2d(
        image(b, h, w, c), weight, bias, WEIGHT, OUT, zero_point, stride=s, padding=padding
    )


def transpose_conv(b: CaseBuilder, h: int, w: int, c: int, o: int, k: int, s: int) -> int:
    weight, bias = _weights((o, k, k, c), o)
    return b.transpose_conv(image(b, h, w, c), weight, bias, WEIGHT, OUT, -5, stride=s)


def fully_connected(b: CaseBuilder, rows: int, i: int, o: int) -> int:
    weight, bias = _weights((o, i), o)
    x = b.data(rows, i)
    return b.fully_connected(x, weight, bias, WEIGHT, OUT, -5)


def binary(b: CaseBuilder, op: str, h: int, w: int, c: int, broadcast: int = 0) -> int:
    x = image(b, h, w, c)
    y = image(b, 1, 1, c) if broadcast else image(b, h, w, c)
    return getattr(b, op)(x, y, OUT, -5)


def unary(b: CaseBuilder, op: str, h: int, w: int, c: int) -> int:
    x = image(b, h, w, c)
    return b.leaky_relu(x, 0.1, OUT, -5) if op == "leaky_relu" else b.hard_swish(x, OUT, -5)


def pool(b: CaseBuilder, op: str, h: int, w: int, c: int, k: int, s: int, pad: int = 0) -> int:
    return getattr(b, op)(image(b, h, w, c), k, stride=s, padding="SAME" if pad else "VALID")


def reduction(b: CaseBuilder, op: str, h: int, w: int, c: int) -> int:
    """Add a reduction row by row, and before it what makes the rows."""
    x = b.hard_swish(image(b, h, w, c), IN, 3)
    return getattr(b, op)(x, (1, 2)) if op != "average_pool2d" else b.average_pool2d(x, (h, w))


def whole_mean(b: CaseBuilder, h: int, w: int, c: int, axis: int = 0) -> int:
    axes = (axis,) if axis else (1, 2)
    return b.mean(image(b, h, w, c), axes, keep_dims=True)


def softmax(b: CaseBuilder, rows: int, depth: int) -> int:
    return b.softmax(b.data(rows, depth))


def concat(b: CaseBuilder, h: int, w: int, c: int, d: int, axis: int = 3) -> int:
    shapes = {1: (h + 1, w, c), 2: (h, w + 1, c), 3: (h, w, d)}
    return b.concatenation([image(b, h, w, c), image(b, *shapes[axis])], axis)


def pad(b: CaseBuilder, h: int, w: int, c: int, rows: int = 0, columns: int = 0, channels: int = 0) -> int:
    edges = [(0, 0), (rows, rows), (columns, columns), (channels, channels)]
    return b.pad(image(b, h, w, c), edges)


def resize(b: CaseBuilder, op: str, h: int, w: int, c: int, f: int) -> int:
    return getattr(b, op)(image(b, h, w, c), (h * f, w * f))


def slices(b: CaseBuilder, h: int, w: int, c: int, s: int) -> int:
    return b.strided_slice(image(b, h, w, c), (0, 0, 0, 0), (1, h, w, c), (1, s, s, 1))


def transpose(b: CaseBuilder, h: int, w: int, c: int) -> int:
    return b.transpose(image(b, h, w, c), (0, 3, 1, 2))


KINDS: dict[str, Callable[..., int]] = {
    "conv": conv,
    "depthwise": depthwise,
    "transpose_conv": transpose_conv,
    "fully_connected": fully_connected,
    "binary": binary,
    "unary": unary,
    "pool": pool,
    "reduction": reduction,
    "whole_mean": whole_mean,
    "softmax": softmax,
    "concat": concat,
    "pad": pad,
    "resize": resize,
    "slices": slices,
    "transpose": transpose,
}
"""By kind: adds the operators and returns the output."""
