"""Which values a channel of a tensor can have, whatever the network is given.

A range is proven operator by operator from the executable specification: every operator here is monotone in each
element that it reads (or all of its values are tried), so the ends of its output come from the ends of its inputs.
A channel whose range is one value is the same at every position for every input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from relay_passes.dialect import MOVES, OPS, evaluate
from tvm_patch.graph import Graph, Operator, Tensor
from tvm_patch.integer import dtype_range, multiply_by_quantized_multiplier, multiply_exact
from tvm_patch.integer.requantize import INT32_MAX

Int64Array = npt.NDArray[np.int64]
_EIGHT_BITS = ("int8", "uint8")


@dataclass(frozen=True)
class Range:
    """Least and greatest value of each channel.

    Attributes
    ----------
    low, high : ndarray of int64, shape (channels,)
        Both ends can be met; what lies between may not be.
    """

    low: Int64Array
    high: Int64Array

    @property
    def constant(self) -> npt.NDArray[np.bool_]:
        """Which channels have one value only."""
        return np.equal(self.low, self.high)


def channels_of(tensor: Tensor) -> int:
    """Return the extent of the last axis; 1 for a scalar."""
    return tensor.shape[-1] if tensor.shape else 1


def ranges_of(graph: Graph) -> dict[str, Range]:
    """Return the range of every 8-bit tensor by name."""
    known = {t.name: _full(t) for t in graph.inputs if t.dtype in _EIGHT_BITS}
    for op in graph.operators:
        made = None
        if op.kind in _RULES and all(t.name in known for t in op.inputs):
            made = _RULES[op.kind](op, {t.name: known[t.name] for t in op.inputs})
        for i, tensor in enumerate(op.outputs):
            if tensor.dtype in _EIGHT_BITS:
                known[tensor.name] = _full(tensor) if made is None else made[i]
    return known


def _full(tensor: Tensor) -> Range:
    low, high = dtype_range(tensor.dtype)
    channels = channels_of(tensor)
    return Range(np.full(channels, low, np.int64), np.full(channels, high, np.int64))


Rule = Callable[[Operator, Mapping[str, Range]], list[Range] | None]
"""From an operator and the ranges of its inputs those of its outputs, or None when nothing is known of them."""


# ------------------------------------------------------------------ sums of products


def _conv2d(op: Operator, known: Mapping[str, Range]) -> list[Range] | None:
    weight = op.constants["weight"]
    groups = channels_of(op.inputs[0]) // weight.shape[3]
    low, high = _centred(op, known, padded=any(op.attrs["padding"]))
    below, above = [], []
    for filters, x_low, x_high in zip(
        np.split(weight, groups), np.split(low, groups), np.split(high, groups), strict=True
    ):
        least, greatest = _sums(filters.transpose(0, 3, 1, 2), x_low[:, None, None], x_high[:, None, None])
        below.append(least)
        above.append(greatest)
    return _rescaled(op, np.concatenate(below), np.concatenate(above))


def _depthwise_conv2d(op: Operator, known: Mapping[str, Range]) -> list[Range] | None:
    filters = op.constants["weight"][0].transpose(2, 0, 1)
    low, high = _centred(op, known, padded=any(op.attrs["padding"]))
    repeats = len(filters) // len(low)
    ends = (np.repeat(x, repeats)[:, None, None] for x in (low, high))
    sums = _sums(filters, *ends)
    made = _rescaled(op, *sums)
    # Of a constant under padding every output is known, of which the ends above are only bounds.
    sure = np.repeat(known[op.inputs[0].name].constant, repeats) & _fits(op, *sums)
    if made is None or not (sure & ~made[0].constant).any():
        return made
    read = sure.reshape(-1, repeats).all(axis=1)
    values = np.where(read, known[op.inputs[0].name].low, int(op.attrs["input_zero_point"]))
    exact = range_of_literal(evaluate(op, [_filled(op.inputs[0], values)])[0])
    sure = np.repeat(read, repeats)
    return [Range(np.where(sure, exact.low, made[0].low), np.where(sure, exact.high, made[0].high))]


def _transpose_conv2d(op: Operator, known: Mapping[str, Range]) -> list[Range] | None:
    # Each output meets some of the taps: the others may as well have met the zero point.
    low, high = _centred(op, known, padded=True)
    weight = op.constants["weight"].transpose(0, 3, 1, 2)
    return _rescaled(op, *_sums(weight, low[:, None, None], high[:, None, None]))


def _fully_connected(op: Operator, known: Mapping[str, Range]) -> list[Range] | None:
    weight = op.constants["weight"]
    low, high = _centred(op, known, padded=False)
    times, rest = divmod(weight.shape[1], len(low))
    if rest:
        low, high, times = low.min(keepdims=True), high.max(keepdims=True), weight.shape[1]
    return _rescaled(op, *_sums(weight, np.tile(low, times), np.tile(high, times)))


def _centred(op: Operator, known: Mapping[str, Range], padded: bool) -> tuple[Int64Array, Int64Array]:
    """Return the ends of the data less its zero point; padding is the zero point."""
    data, zero_point = known[op.inputs[0].name], int(op.attrs["input_zero_point"])
    low, high = data.low - zero_point, data.high - zero_point
    return (np.minimum(low, 0), np.maximum(high, 0)) if padded else (low, high)


def _sums(filters: npt.NDArray[Any], low: Int64Array, high: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the least and greatest sum of products of each filter (first axis) with data between `low` and `high`."""
    weight = filters.astype(np.int64)
    up, down = np.maximum(weight, 0), np.minimum(weight, 0)
    axes = tuple(range(1, weight.ndim))
    return (up * low + down * high).sum(axis=axes), (up * high + down * low).sum(axis=axes)


def _fits(op: Operator, least: Int64Array, greatest: Int64Array) -> npt.NDArray[np.bool_]:
    """Return of which channels no int32 overflows, in the sum with its bias or in the shift to the left."""
    totals = np.stack([least, greatest]) + op.constants["bias"]
    shifted = np.abs(totals) << np.maximum(op.constants["shift"].astype(np.int64), 0)
    return np.asarray(shifted.max(axis=0) <= INT32_MAX)


def _rescaled(op: Operator, least: Int64Array, greatest: Int64Array) -> list[Range] | None:
    """Return what sums become with bias, multiplier and clamp."""
    if len(least) != channels_of(op.outputs[0]):
        return None
    fits = _fits(op, least, greatest)  # where not, nothing is monotone
    totals = np.where(fits, np.stack([least, greatest]) + op.constants["bias"], 0)
    scale = multiply_exact if op.kind == "fully_connected" else multiply_by_quantized_multiplier
    ends = scale(totals, op.constants["multiplier"], op.constants["shift"]).astype(np.int64)
    act_min, act_max = int(op.attrs["act_min"]), int(op.attrs["act_max"])
    ends = np.clip(ends + int(op.attrs["output_zero_point"]), act_min, act_max)
    low, high = ends.min(axis=0), ends.max(axis=0)  # a multiplier may be negative
    return [Range(np.where(fits, low, act_min), np.where(fits, high, act_max))]


# ------------------------------------------------------------------ elementwise


def _of_one_tensor(op: Operator, known: Mapping[str, Range]) -> list[Range] | None:
    """Try all values of each channel: any function of one tensor whose constants vary with the channel at most."""
    data = known[op.inputs[0].name]
    constants = {k: v for k, v in op.constants.items() if k != "table"}
    if any(v.size not in (1, len(data.low)) or v.size != (v.shape or (1,))[-1] for v in constants.values()):
        return None
    least, greatest = dtype_range(op.inputs[0].dtype)
    values = np.repeat(np.arange(least, greatest + 1)[:, None], len(data.low), axis=1)
    arguments = {k: v.reshape(-1) if k in constants else v for k, v in op.constants.items()}
    arguments["data"] = values.astype(op.inputs[0].dtype)
    results = np.asarray(OPS[op.kind].reference(op, arguments)).astype(np.int64)
    met = (values >= data.low) & (values <= data.high)
    low, high = dtype_range(op.outputs[0].dtype)
    return [Range(np.where(met, results, high).min(axis=0), np.where(met, results, low).max(axis=0))]


def _of_two_tensors(op: Operator, known: Mapping[str, Range]) -> list[Range] | None:
    """Try the corners: what is monotone in either operand, or a rescaled product, is extreme in one of them."""
    if any(
        int(v) > _SAFE_SHIFTS[op.kind]
        for k, v in op.attrs.items()
        if k.endswith("shift") and k != "left_shift"
    ):
        return None  # an int32 could overflow
    inputs = iter(op.inputs)
    ends = []
    for side in ("lhs", "rhs"):
        literal = op.constants.get(side)
        ends.append(known[next(inputs).name] if literal is None else range_of_literal(literal))
    channels = channels_of(op.outputs[0])
    corners = []
    for lhs, rhs in product(*((e.low, e.high) for e in ends)):
        arguments = {"lhs": lhs.astype(np.int8), "rhs": rhs.astype(np.int8)}
        corners.append(np.broadcast_to(OPS[op.kind].reference(op, arguments), (channels,)).astype(np.int64))
    return [Range(np.min(corners, axis=0), np.max(corners, axis=0))]


_SAFE_SHIFTS = {"add": 0, "sub": 0, "mul": 14, "maximum": 0, "minimum": 0}
"""Up to which shift to the left no int32 overflows: a product takes 17 bits with its sign, a sum of two is at 2**29."""


def range_of_literal(value: npt.NDArray[Any]) -> Range:
    """Return the range of each channel of a constant."""
    rows = value.reshape(-1, value.shape[-1] if value.ndim else 1).astype(np.int64)
    return Range(rows.min(axis=0), rows.max(axis=0))


# ------------------------------------------------------------------ monotone in every element


def _monotone(op: Operator, known: Mapping[str, Range]) -> list[Range] | None:
    """Evaluate the operator on the lowest and on the highest tensors."""
    if op.kind == "mean" and int(op.attrs["shift"]) > 0:
        return None  # an int32 could overflow
    low, high = (
        evaluate(op, [_filled(t, getattr(known[t.name], end)) for t in op.inputs]) for end in ("low", "high")
    )
    return [
        Range(range_of_literal(least).low, range_of_literal(greatest).high)
        for least, greatest in zip(low, high, strict=True)
    ]


def _filled(tensor: Tensor, values: Int64Array) -> npt.NDArray[Any]:
    return np.broadcast_to(values.astype(tensor.dtype), tensor.shape)


_RULES: dict[str, Rule] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "transpose_conv2d": _transpose_conv2d,
    "fully_connected": _fully_connected,
    **dict.fromkeys(("lookup", "prelu"), _of_one_tensor),
    **dict.fromkeys(_SAFE_SHIFTS, _of_two_tensors),
    **dict.fromkeys(
        ("avg_pool2d", "max_pool2d", "pad", "resize_nearest", "resize_bilinear", "mean", "reduce_max"),
        _monotone,
    ),
    **dict.fromkeys(MOVES, _monotone),
}
"""Of any other operator (softmax, arg_max, ...) nothing is claimed."""
