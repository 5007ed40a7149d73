"""Operators that appear directly on integers, without dequantize and quantize around them.

Each function takes the stock call and its first tensor in the new function, and returns the dialect's call, or None
when the call has a form that TFLite does not have.
"""

from __future__ import annotations

from collections.abc import Callable

from relay_passes.dialect import build_call
from relay_passes.legalize.extremum import reduction
from relay_passes.legalize.resize import resize_call
from relay_passes.legalize.weighted import four_paddings
from relay_passes.straight_line import shape_of
from tvm_patch.tvm_types import Call, Expr

INT8_RANGE = (-128, 127)


def pool(kind: str, call: Call, data: Expr) -> Expr | None:
    """Return dialect ``avg_pool2d`` or ``max_pool2d`` for a stock pool, without a clamp."""
    attrs = call.attrs
    odd = bool(attrs.ceil_mode) or bool(attrs.count_include_pad) or [int(d) for d in attrs.dilation] != [1, 1]
    if odd or str(attrs.layout) != "NHWC":
        return None
    return build_call(
        kind,
        [data],
        pool_size=[int(p) for p in attrs.pool_size],
        strides=[int(s) for s in attrs.strides],
        padding=four_paddings(attrs.padding),
        act_min=INT8_RANGE[0],
        act_max=INT8_RANGE[1],
    )


def max_pool2d(call: Call, data: Expr) -> Expr | None:
    """``nn.max_pool2d`` on int8."""
    return pool("max_pool2d", call, data)


def pad(call: Call, data: Expr) -> Expr | None:
    """``nn.pad`` with a constant."""
    value = call.attrs.pad_value
    if str(call.attrs.pad_mode) != "constant" or int(value) != value:
        return None
    return build_call("pad", [data], pad_width=[int(p) for p in call.attrs.pad_width], pad_value=int(value))


def resize(call: Call, data: Expr) -> Expr | None:
    """``image.resize2d`` on int8."""
    return resize_call(call, data)


def arg_max(call: Call, data: Expr) -> Expr | None:
    """``argmax``, which Relax gives as int64."""
    if bool(call.attrs.keepdims) or call.attrs.axis is None:
        return None
    return build_call(
        "arg_max", [data], axis=int(call.attrs.axis) % len(shape_of(call.args[0])), dtype="int64"
    )


def reduce_max(call: Call, data: Expr) -> Expr | None:
    """``max`` over axes."""
    return build_call("reduce_max", [data], **reduction(call, len(shape_of(call.args[0]))))


DIRECT: dict[str, Callable[[Call, Expr], Expr | None]] = {
    "relax.nn.max_pool2d": max_pool2d,
    "relax.nn.pad": pad,
    "relax.image.resize2d": resize,
    "relax.argmax": arg_max,
    "relax.max": reduce_max,
}
"""Function by stock operator."""
