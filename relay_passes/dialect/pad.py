"""pad with a constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator, int_list
from relay_passes.dialect.rules import direct_rule
from relay_passes.dialect.shapes import Attrs, Shape


def _shape(shapes: Sequence[Shape], attrs: Attrs) -> Shape:
    """Attribute ``pad_width`` = (before0, after0, before1, after1, ...)."""
    width = attrs["pad_width"]
    return tuple(d + int(width[2 * i]) + int(width[2 * i + 1]) for i, d in enumerate(shapes[0]))


def _pad(op: Operator, args: dict[str, Array]) -> Array:
    """Return data with constant borders; ``pad_width`` = (before0, after0, before1, after1, ...)."""
    width = int_list(op.attrs["pad_width"])
    pairs = list(zip(width[::2], width[1::2], strict=True))
    return np.pad(args["data"], pairs, constant_values=int(op.attrs["pad_value"]))


define(OpDef("pad", ("data",), (), ("pad_width", "pad_value"), _shape, _pad))


@direct_rule("relax.nn.pad")
def pad(call: Any, data: Any) -> Any | None:
    """``nn.pad`` with a constant."""
    value = call.attrs.pad_value
    if str(call.attrs.pad_mode) != "constant" or int(value) != value:
        return None
    return build_call("pad", [data], pad_width=[int(p) for p in call.attrs.pad_width], pad_value=int(value))
