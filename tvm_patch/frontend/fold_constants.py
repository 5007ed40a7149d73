"""Evaluation of operators whose inputs are all known, such as SHAPE → STRIDED_SLICE → PACK before a RESHAPE."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tvm_patch.frontend.names import words
from tvm_patch.tflite.model import Operator, Tensor

FOLDABLE = words("SHAPE STRIDED_SLICE PACK CONCATENATION RESHAPE SQUEEZE EXPAND_DIMS GATHER TRANSPOSE TILE")


def evaluate(op: Operator, inputs: Sequence[Tensor], output: Tensor) -> np.ndarray | None:
    """Return the value that `op` always makes, or None when it depends on the network's input.

    Parameters
    ----------
    op : Operator
    inputs : sequence of Tensor
        Its inputs; constants carry their value.
    output : Tensor
        What it makes, for shape and dtype.
    """
    if op.kind == "SHAPE":
        return np.array(inputs[0].shape, output.dtype)
    if op.kind not in FOLDABLE:
        return None
    values = [t.data for t in inputs]
    data = [v for v in values if v is not None]
    if len(data) != len(values) or not data:
        return None
    value = _move(op, data)
    return value.reshape(output.shape) if value.size == prod(output.shape) else None


def _move(op: Operator, data: list[np.ndarray]) -> np.ndarray:
    if op.kind == "STRIDED_SLICE":
        return data[0][slices(op, data[0].shape, *data[1:4])]
    if op.kind == "PACK":
        return np.stack(data, axis=op.options["axis"])
    if op.kind == "CONCATENATION":
        return np.concatenate(data, axis=op.options["axis"])
    if op.kind == "GATHER":
        return np.take(data[0], data[1], axis=op.options["axis"])
    if op.kind == "TRANSPOSE":
        return data[0].transpose([int(a) for a in data[1]])
    if op.kind == "TILE":
        return np.tile(data[0], [int(r) for r in data[1]])
    return data[0]  # RESHAPE, SQUEEZE, EXPAND_DIMS


def slices(
    op: Operator, shape: Sequence[int], begin: np.ndarray, end: np.ndarray, strides: np.ndarray
) -> tuple[slice, ...]:
    """Return STRIDED_SLICE's ranges as Python slices, masks resolved; shrunk axes keep their one element."""
    masks = {name: int(op.options.get(name, 0)) for name in ("begin_mask", "end_mask", "shrink_axis_mask")}
    ranges = []
    for axis, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << axis
        if masks["shrink_axis_mask"] & bit:
            # LiteRT lets begin_mask win here: it takes element 0.
            index = 0 if masks["begin_mask"] & bit else int(first) % shape[axis]
            ranges.append(slice(index, index + 1, 1))
            continue
        low = None if masks["begin_mask"] & bit else int(first)
        high = None if masks["end_mask"] & bit else int(last)
        if op.options.get("offset") and high is not None and not masks["begin_mask"] & bit:
            high += int(first)  # with `offset`, end counts from begin
        ranges.append(slice(low, high, int(step)))
    return tuple(ranges)
