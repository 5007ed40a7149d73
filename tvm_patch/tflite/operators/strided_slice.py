"""STRIDED_SLICE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tvm_patch.tflite.model import Operator
from tvm_patch.tflite.operators.base import Grids, movement, register
from tvm_patch.tflite.rewriter import Rewriter
from tvm_patch.tflite.rules import folded
from tvm_patch.tflite.schema import OptionField, OptionsTable, flag
from tvm_patch.tflite.use import RECONVERT, Role, Shape, Use

_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
_NO_MASKS = {**dict.fromkeys(_MASKS, 0), "offset": False}


def _slices(
    op: Operator, shape: Sequence[int], begin: np.ndarray, end: np.ndarray, strides: np.ndarray
) -> tuple[slice, ...]:
    """Return the ranges as Python slices, masks resolved; shrunk axes keep their one element."""
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


def _shape(use: Use) -> list[Shape]:
    data, masks = use.shape(0), use.op.options
    if masks["ellipsis_mask"] or masks["new_axis_mask"]:
        raise use.refuse("ellipsis or new-axis masks", "slice with explicit begin and end")
    if masks["offset"]:
        raise use.refuse("an end that counts from the begin", "slice with explicit begin and end")
    for position in (1, 2, 3):
        use.shape(position, 1)
    begin, end, strides = (use.ints(p) for p in (1, 2, 3))
    if not len(begin) == len(end) == len(strides) <= len(data) or 0 in strides:
        raise use.refuse(f"from {begin} to {end} by {strides} in shape {list(data)}")
    for axis, (first, stride) in enumerate(zip(begin, strides, strict=True)):
        shrunk = masks["shrink_axis_mask"] & (1 << axis)
        masked = masks["begin_mask"] & (1 << axis)
        if shrunk and (stride < 0 or not (masked or -data[axis] <= first < data[axis])):
            raise use.refuse(f"element {first} by {stride} of {data[axis]} along axis {axis}")
    ranges = _slices(use.op, data, *(np.array(v, np.int64) for v in (begin, end, strides)))
    counts = [len(range(*r.indices(d))) for r, d in zip(ranges, data, strict=False)]
    if 0 in counts:
        raise use.refuse(f"a slice of shape {counts} has no elements", RECONVERT)
    kept = [c for i, c in enumerate(counts) if not masks["shrink_axis_mask"] & (1 << i)]
    return [(*kept, *data[len(counts) :])]


def _value(op: Operator, values: Sequence[np.ndarray]) -> np.ndarray:
    return values[0][_slices(op, values[0].shape, *values[1:4])]


def _rewrite(r: Rewriter, op: Operator) -> None:
    """Emit it without masks; dimensions that it removes are removed by a RESHAPE."""
    data, output = r.tensors[op.inputs[0]], r.tensors[op.outputs[0]]
    ranges = _slices(op, data.shape, *(r.constant(op, p) for p in (1, 2, 3)))
    bounds = [s.indices(d) for s, d in zip(ranges, data.shape, strict=False)]
    shape = tuple(len(range(*b)) for b in bounds) + data.shape[len(bounds) :]
    target = op.outputs[0]
    if shape != output.shape:
        target = r.add(replace(output, name=f"{output.name}_sliced", shape=shape, data=None))
    # Going down, -1 is "before element 0" in `bounds` but the last element in an operator.
    written = [(b, -d - 1 if e < 0 else e, s) for (b, e, s), d in zip(bounds, data.shape, strict=False)]
    columns = [r.ints([w[k] for w in written], "slice") for k in range(3)]
    r.emit(Operator("STRIDED_SLICE", (op.inputs[0], *columns), (target,), _NO_MASKS, op.index))
    if target != op.outputs[0]:
        r.reshape(op, target, op.outputs[0])


def _convert(c: Any) -> Any:
    begin, end, strides = (c.ints(p) for p in (1, 2, 3))
    return c.relax.op.strided_slice(c.data(), list(range(len(begin))), begin, end, strides)


register(
    movement(
        "STRIDED_SLICE",
        inputs=(Role.DATA, Role.NUMBERS, Role.NUMBERS, Role.NUMBERS),
        options=OptionsTable(
            32, (*(OptionField(name, slot) for slot, name in enumerate(_MASKS)), flag("offset", 5))
        ),
        version=2,
        grids=Grids.ONE,
        shape=_shape,
        fold=folded(_value),
        rewrite=_rewrite,
        convert=_convert,
    )
)
