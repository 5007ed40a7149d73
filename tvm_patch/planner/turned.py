"""An operator turned by a quarter: rows become columns and columns rows.

What makes one row of a tensor after the other makes one column after the other of the tensor turned.  Sums over a
window do not depend on the order of its taps, so that the bits are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tvm_patch.graph import Operator, Tensor

_PAIRS = ("strides", "dilation", "pool_size")
_SLIDING = frozenset({"conv2d", "depthwise_conv2d", "max_pool2d"})
"""Kinds whose windows may be turned."""


def turned(op: Operator, *, elementwise: bool) -> Operator | None:
    """Return an operator turned by a quarter, None where it cannot be.

    Parameters
    ----------
    op : Operator
    elementwise : bool
        Whether each element of its output depends on the elements of its inputs at the same place only.
    """
    if any(len(t.shape) != 4 or t.shape[0] != 1 for t in (*op.inputs, *op.outputs)) or len(op.outputs) != 1:
        return None
    slides = op.kind in _SLIDING and op.window is not None
    by_channel = op.kind == "concat" and int(op.attrs["axis"]) % 4 == 3
    if not (slides or elementwise or by_channel):
        return None
    constants = _turned_constants(op)
    if constants is None:
        return None
    return replace(
        op,
        inputs=tuple(map(turned_tensor, op.inputs)),
        outputs=tuple(map(turned_tensor, op.outputs)),
        constants=constants,
        attrs=_turned_attributes(op.attrs) if slides else op.attrs,
    )


def turned_tensor(tensor: Tensor) -> Tensor:
    """Return a tensor of shape (1, H, W, C) turned by a quarter."""
    batch, height, width, channels = tensor.shape
    return replace(tensor, shape=(batch, width, height, channels))


def _turned_constants(op: Operator) -> Mapping[str, np.ndarray] | None:
    found = {}
    for name, array in op.constants.items():
        if name == "weight" and array.ndim == 4:
            found[name] = np.ascontiguousarray(array.transpose(0, 2, 1, 3))
        elif array.ndim == 4 and max(array.shape[1:3]) > 1:
            return None
        else:
            found[name] = array
    return found


def _turned_attributes(attrs: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(attrs)
    for name in _PAIRS:
        if name in found:
            found[name] = list(found[name])[::-1]
    top, left, bottom, right = found["padding"]
    found["padding"] = [left, top, right, bottom]
    return found
