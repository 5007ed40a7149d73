"""arg_max (TFLite arg_min_max.h)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator
from relay_passes.dialect.rules import direct_rule
from relay_passes.dialect.shapes import Attrs, Shape
from relay_passes.straight_line import shape_of


def _drop_axis(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Remove the attribute ``axis``."""
    axis = int(attrs["axis"])
    return tuple(d for i, d in enumerate(shapes[0]) if i != axis)


def _arg_max(op: Operator, args: dict[str, Array]) -> Array:
    """Return the index of the maximum along an axis, the first one of equals."""
    return np.asarray(np.argmax(args["data"], axis=int(op.attrs["axis"]))).astype(str(op.attrs["dtype"]))


define(OpDef("arg_max", ("data",), (), ("axis", "dtype"), _drop_axis, _arg_max, dtype_from="dtype"))


@direct_rule("relax.argmax")
def arg_max(call: Any, data: Any) -> Any | None:
    """``argmax``, which Relax gives as int64."""
    if bool(call.attrs.keepdims) or call.attrs.axis is None:
        return None
    return build_call(
        "arg_max", [data], axis=int(call.attrs.axis) % len(shape_of(call.args[0])), dtype="int64"
    )
