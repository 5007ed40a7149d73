"""How each operator of the integer dialect is written to a TFLite model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from relay_passes.dialect import op_def
from relay_passes.island import Island
from relay_passes.legalize.weighted import match_weighted
from relay_passes.straight_line import constant_value, op_name, shape_of
from tvm_patch.tflite.builder import ModelBuilder, window_extent

Expr = Any

_INT8_MIN = -128


@dataclass(frozen=True)
class Found:
    """An operator to write.

    Attributes
    ----------
    builder : ModelBuilder
    call : relax.Call
        The operator in the dialect, as a legalization rule made it; its tensors are those of the QDQ function.
    island : Island or None
        What the rule saw: scales.  None for operators on integers.
    name : str
        Of the tensor that it makes.
    activation : str
        Fused, by the schema's name.
    index : callable
        Gives the builder's tensor for an expression of the QDQ function.
    """

    builder: ModelBuilder
    call: Expr
    island: Island | None
    name: str
    activation: str
    index: Callable[[Expr], int]

    @property
    def kind(self) -> str:
        """Short name in the dialect."""
        definition = op_def(self.call)
        return definition.name if definition is not None else op_name(self.call).removeprefix("relax.")

    @property
    def data(self) -> int:
        """The first input."""
        return self.index(self.call.args[0])

    @property
    def grid(self) -> tuple[float, int]:
        """Scale and zero point of the output."""
        assert self.island is not None, "only operators on integers have none"
        return self.island.out.scale, self.island.out.zero_point

    def ints(self, attribute: str) -> list[int]:
        """Return an attribute of the call that is a list."""
        return [int(v) for v in self.call.attrs[attribute]]

    def operand(self, position: int) -> int:
        """Return an operand that may be a literal."""
        assert self.island is not None
        tensor = self.island.operand(self.island.body.args[position])
        assert tensor is not None, "the rule has matched it"
        if tensor.value is None:
            return self.index(tensor.expr)
        name = f"{self.name}/operand_{position}"
        return self.builder.constant(name, tensor.value, tensor.scale, tensor.zero_point)


Writer = Callable[[Found], int | None]


def _convolution(found: Found) -> int | None:
    assert found.island is not None
    weighted = match_weighted(found.island, "relax.nn.conv2d")
    assert weighted is not None, "the rule has matched it"
    weight, bias = (constant_value(a) for a in found.call.args[1:3])
    data, padding = _padded(found, weight.shape[1:3], found.builder.quantization(found.data)[1])
    strides, dilation = found.ints("strides"), found.ints("dilation")
    write = found.builder.conv2d if found.kind == "conv2d" else found.builder.depthwise_conv2d
    return write(
        data,
        weight,
        bias,
        weighted.weight.scales,
        *found.grid,
        stride=(strides[0], strides[1]),
        padding=padding,
        dilation=(dilation[0], dilation[1]),
        activation=found.activation,
        name=found.name,
    )


def _padded(found: Found, window: tuple[int, int], value: int) -> tuple[int, str]:
    """Return the input of a window, behind a PAD where TFLite has no word for its padding, and that word."""
    builder, data, padding = found.builder, found.data, found.ints("padding")
    word = _padding_word(found, window, padding)
    if word:
        return data, word
    borders = [(0, 0), (padding[0], padding[2]), (padding[1], padding[3]), (0, 0)]
    name = f"{found.name}_padded"
    if value == builder.quantization(data)[1]:
        return builder.pad(data, borders, name=name), "VALID"
    return builder.padv2(data, borders, value, name=name), "VALID"


def _padding_word(found: Found, window: tuple[int, int], padding: list[int]) -> str:
    """Return SAME or VALID when that is this padding, else nothing."""
    strides = found.ints("strides")
    dilation = found.ints("dilation") if "dilation" in found.call.attrs.keys() else [1, 1]  # noqa: SIM118
    extents = found.builder.shape(found.data)[1:3]
    same = []
    for extent, taps, stride, step in zip(extents, window, strides, dilation, strict=True):
        reach = (taps - 1) * step + 1
        total = max(0, (window_extent(extent, taps, stride, "SAME") - 1) * stride + reach - extent)
        same.append((total // 2, total - total // 2))
    if [same[0][0], same[1][0], same[0][1], same[1][1]] == padding:
        return "SAME"
    return "" if any(padding) else "VALID"


def _fully_connected(found: Found) -> int:
    assert found.island is not None
    weighted = match_weighted(found.island, "relax.matmul")
    assert weighted is not None, "the rule has matched it"
    weight, bias = (constant_value(a) for a in found.call.args[1:3])
    scales = weighted.weight.scales
    return found.builder.fully_connected(
        found.data, weight, bias, scales, *found.grid, activation=found.activation, name=found.name
    )


def _binary(found: Found) -> int:
    left, right = found.operand(0), found.operand(1)
    write = {"add": found.builder.add, "sub": found.builder.sub, "mul": found.builder.mul}[found.kind]
    return write(left, right, *found.grid, activation=found.activation, name=found.name)


def _pool(found: Found) -> int | None:
    size, strides = found.ints("pool_size"), found.ints("strides")
    average = found.kind == "avg_pool2d"
    if average and not _padding_word(found, (size[0], size[1]), found.ints("padding")):
        return None  # a PAD in front would count in the mean
    data, padding = _padded(found, (size[0], size[1]), _INT8_MIN)
    write = found.builder.average_pool2d if average else found.builder.max_pool2d
    return write(
        data,
        (size[0], size[1]),
        stride=(strides[0], strides[1]),
        padding=padding,
        activation=found.activation,
        name=found.name,
    )


def _mean(found: Found) -> int:
    keep = bool(int(found.call.attrs["keepdims"]))
    return found.builder.mean(found.data, found.ints("axes"), *found.grid, keep_dims=keep, name=found.name)


def _reduce_max(found: Found) -> int:
    keep = bool(int(found.call.attrs["keepdims"]))
    return found.builder.reduce_max(found.data, found.ints("axes"), keep_dims=keep, name=found.name)


def _pad(found: Found) -> int:
    width, value = found.ints("pad_width"), int(found.call.attrs["pad_value"])
    borders = list(zip(width[::2], width[1::2], strict=True))
    if value == found.builder.quantization(found.data)[1]:
        return found.builder.pad(found.data, borders, name=found.name)
    return found.builder.padv2(found.data, borders, value, name=found.name)


def _softmax(found: Found) -> int:
    assert found.island is not None
    inner = found.island.definition(found.island.body.args[0])
    beta = found.island.scalar(inner.args[1]) if op_name(inner) == "relax.multiply" else None
    return found.builder.softmax(found.data, 1.0 if beta is None else beta, name=found.name)


def _lookup(found: Found) -> int | None:
    """Write an operator that the legalizer makes a table: its origin says which."""
    assert found.island is not None
    builder, data, name, origin = found.builder, found.data, found.name, str(found.call.attrs["origin"])
    if origin == "quantize":
        return builder.quantize(data, *found.grid, dtype=found.island.out.dtype, name=name)
    if origin == "leaky_relu":
        alpha = float(np.float32(found.island.body.attrs.alpha))
        return builder.leaky_relu(data, alpha, *found.grid, name=name)
    if origin in ("logistic", "tanh"):
        return (builder.logistic if origin == "logistic" else builder.tanh)(data, name=name)
    write = {
        "relu": builder.relu,
        "relu6": builder.relu6,
        "relu_n1_to_1": builder.relu_n1_to_1,
        "hard_swish": builder.hard_swish,
    }.get(origin)
    return None if write is None else write(data, *found.grid, name=name)


def _resize(found: Found) -> int:
    nearest = found.kind == "resize_nearest"
    write = found.builder.resize_nearest_neighbor if nearest else found.builder.resize_bilinear
    size = found.ints("size")
    return write(
        found.data,
        (size[0], size[1]),
        align_corners=bool(int(found.call.attrs["align_corners"])),
        half_pixel_centers=bool(int(found.call.attrs["half_pixel_centers"])),
        name=found.name,
    )


WRITERS: dict[str, Writer] = {
    "conv2d": _convolution,
    "depthwise_conv2d": _convolution,
    "fully_connected": _fully_connected,
    "add": _binary,
    "sub": _binary,
    "mul": _binary,
    "avg_pool2d": _pool,
    "max_pool2d": _pool,
    "mean": _mean,
    "reduce_max": _reduce_max,
    "pad": _pad,
    "softmax": _softmax,
    "lookup": _lookup,
    "resize_nearest": _resize,
    "resize_bilinear": _resize,
}
"""By short name in the dialect; None from a writer means that TFLite lacks this form of the operator."""

Move = Callable[[ModelBuilder, Expr, list[int], str], int | list[int]]


def _reshape(builder: ModelBuilder, call: Expr, sources: list[int], name: str) -> int:
    return builder.reshape(sources[0], shape_of(call), name=name)


def _transpose(builder: ModelBuilder, call: Expr, sources: list[int], name: str) -> int:
    rank = len(builder.shape(sources[0]))
    axes = call.attrs.axes
    order = [int(a) % rank for a in axes] if axes is not None else list(range(rank))[::-1]
    return builder.transpose(sources[0], order, name=name)


def _concat(builder: ModelBuilder, call: Expr, sources: list[int], name: str) -> int:
    return builder.concatenation(sources, int(call.attrs.axis) % len(shape_of(call)), name=name)


def _split(builder: ModelBuilder, call: Expr, sources: list[int], name: str) -> list[int]:
    axis = int(call.attrs.axis) % len(builder.shape(sources[0]))
    sizes = [int(part.shape[axis]) for part in call.ty.fields]
    return builder.split_v(sources[0], sizes, axis, name=name)


MOVES: dict[str, Move] = {
    **dict.fromkeys(("relax.reshape", "relax.expand_dims", "relax.squeeze", "relax.flatten"), _reshape),
    "relax.permute_dims": _transpose,
    "relax.concat": _concat,
    "relax.split": _split,
}
"""Operators that move integers, by stock name."""
