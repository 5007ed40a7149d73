"""Operators that move data and change no value: PAD and the stock Relax operators that the compiler keeps.

Attributes of the stock operators, as :class:`tvm_patch.kernels.OpView` carries them: ``permute_dims`` axes;
``concat`` axis; ``split`` axis and indices_or_sections (cumulative indices, or a number of equal parts);
``strided_slice`` axes, begin, end, strides; ``take`` axis and the constant ``indices``; ``tile`` repeats;
``reshape`` takes its shape from the output.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tvm_patch.integer.reference.registry import Array, Operator, int_list, register


@register("pad", "data")
def pad(op: Operator, args: dict[str, Array]) -> Array:
    """Return data with constant borders; ``pad_width`` = (before0, after0, before1, after1, ...)."""
    width = int_list(op.attrs["pad_width"])
    pairs = list(zip(width[::2], width[1::2], strict=True))
    return np.pad(args["data"], pairs, constant_values=int(op.attrs["pad_value"]))


@register("reshape", "data")
def reshape(op: Operator, args: dict[str, Array]) -> Array:
    """Return the same elements in the output's shape."""
    return args["data"].reshape(op.outputs[0].shape)


@register("permute_dims", "data")
def permute_dims(op: Operator, args: dict[str, Array]) -> Array:
    """Return data with its axes permuted; reversed where ``axes`` is None."""
    axes = op.attrs.get("axes")
    return np.ascontiguousarray(np.transpose(args["data"], None if axes is None else int_list(axes)))


@register("concat", variadic=True)
def concat(op: Operator, args: dict[str, Array]) -> Array:
    """Return the inputs one after the other along ``axis``."""
    ordered = [args[str(i)] for i in range(len(args))]
    return np.concatenate(ordered, axis=int(op.attrs["axis"]))


@register("split", "data")
def split(op: Operator, args: dict[str, Array]) -> list[Array]:
    """Return the parts of data along ``axis``."""
    where: Any = op.attrs["indices_or_sections"]
    where = int(where) if isinstance(where, int | np.integer) else int_list(where)
    return [np.ascontiguousarray(p) for p in np.split(args["data"], where, axis=int(op.attrs["axis"]))]


@register("strided_slice", "data")
def strided_slice(op: Operator, args: dict[str, Array]) -> Array:
    """Return the slice ``begin:end:strides`` of each of ``axes`` (numpy's rules for negative values)."""
    attrs = op.attrs
    begin, end, axes = int_list(attrs["begin"]), int_list(attrs["end"]), int_list(attrs["axes"])
    strides = int_list(attrs.get("strides") or [1] * len(axes))
    index = [slice(None)] * args["data"].ndim
    for axis, b, e, s in zip(axes, begin, end, strides, strict=True):
        size = args["data"].shape[axis]
        # Going down to and including element 0: numpy would read an end of -1 as the last element.
        stop = None if s < 0 and e < -size else e
        index[axis] = slice(b, stop, s)
    return np.ascontiguousarray(args["data"][tuple(index)])


@register("take", "data", "indices")
def take(op: Operator, args: dict[str, Array]) -> Array:
    """Return the elements at the constant ``indices`` along ``axis``."""
    return np.take(args["data"], args["indices"].astype(np.int64), axis=int(op.attrs["axis"]))


@register("tile", "data")
def tile(op: Operator, args: dict[str, Array]) -> Array:
    """Return data repeated ``repeats`` times along each axis."""
    return np.tile(args["data"], int_list(op.attrs["repeats"]))
