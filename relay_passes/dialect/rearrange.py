"""rearrange: what reshape, transpose, reshape do together (blocks of pixels to channels and back, channel shuffle)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relay_passes.dialect.ops import OpDef, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.shapes import Attrs, Shape


def _shape(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Attribute ``shape``."""
    return tuple(int(d) for d in attrs["shape"])


def _rearrange(op: Operator, args: dict[str, Array]) -> Array:
    """Return data, looked at as a tensor of extents ``split``, with those in another ``order``, in ``shape``."""
    split, order, shape = (int_list(op.attrs[name]) for name in ("split", "order", "shape"))
    return np.ascontiguousarray(args["data"].reshape(split).transpose(order).reshape(shape))


define(OpDef("rearrange", ("data",), (), ("split", "order", "shape"), _shape, _rearrange))
