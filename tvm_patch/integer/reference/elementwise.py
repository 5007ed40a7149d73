"""Element-wise operators with numpy broadcasting (TFLite add.h, sub.h, mul.h, prelu.h, quantize.h)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tvm_patch.integer.params import dequantize, dtype_range, quantize_float
from tvm_patch.integer.reference.registry import Array, Operator, register
from tvm_patch.integer.requantize import multiply_by_quantized_multiplier

Int64Array = npt.NDArray[np.int64]


@register("add", "lhs", "rhs")
def add(op: Operator, args: dict[str, Array]) -> Array:
    """Return lhs + rhs: both rescaled to a common fine scale, added, rescaled to the output's."""
    return _additive(op, args, 1)


@register("sub", "lhs", "rhs")
def sub(op: Operator, args: dict[str, Array]) -> Array:
    """Return lhs - rhs, as :func:`add`."""
    return _additive(op, args, -1)


@register("mul", "lhs", "rhs")
def mul(op: Operator, args: dict[str, Array]) -> Array:
    """Return lhs * rhs."""
    product = _centred(op, args, "lhs") * _centred(op, args, "rhs")
    scaled = multiply_by_quantized_multiplier(product, op.attrs["multiplier"], op.attrs["shift"])
    return _clamp(op, scaled.astype(np.int64))


@register("maximum", "lhs", "rhs")
def maximum(op: Operator, args: dict[str, Array]) -> Array:
    """Return the greater of the raw values; the scales are the same."""
    return np.maximum(args["lhs"], args["rhs"])


@register("minimum", "lhs", "rhs")
def minimum(op: Operator, args: dict[str, Array]) -> Array:
    """Return the lesser of the raw values; the scales are the same."""
    return np.minimum(args["lhs"], args["rhs"])


@register("lookup", "data", "table")
def lookup(op: Operator, args: dict[str, Array]) -> Array:
    """Return ``table[data + 128]`` (``table[data]`` for uint8 data)."""
    data = args["data"]
    low, _ = dtype_range(data.dtype.name)
    return args["table"].reshape(-1)[data.astype(np.int64) - low].astype(str(op.attrs["dtype"]))


@register("prelu", "data", "alpha")
def prelu(op: Operator, args: dict[str, Array]) -> Array:
    """Return data where it is at least its zero point, data * alpha elsewhere; alpha broadcasts."""
    attrs = op.attrs
    data = args["data"].astype(np.int64) - int(attrs["input_zero_point"])
    alpha = args["alpha"].astype(np.int64) - int(attrs["alpha_zero_point"])
    positive = multiply_by_quantized_multiplier(data, attrs["positive_multiplier"], attrs["positive_shift"])
    negative = multiply_by_quantized_multiplier(
        data * alpha, attrs["negative_multiplier"], attrs["negative_shift"]
    )
    out = np.where(data >= 0, positive, negative).astype(np.int64) + int(attrs["output_zero_point"])
    return np.clip(out, -128, 127).astype(np.int8)


@register("quantize", "data")
def quantize(op: Operator, args: dict[str, Array]) -> Array:
    """Return float32 data quantized."""
    attrs = op.attrs
    return quantize_float(args["data"], float(attrs["scale"]), int(attrs["zero_point"]), str(attrs["dtype"]))


@register("dequantize", "data")
def dequantize_tensor(op: Operator, args: dict[str, Array]) -> Array:
    """Return 8-bit data as float32."""
    return dequantize(args["data"], float(op.attrs["scale"]), int(op.attrs["zero_point"]))


def _additive(op: Operator, args: dict[str, Array], sign: int) -> Array:
    attrs = op.attrs
    scaled = []
    for side in ("lhs", "rhs"):
        shifted = _centred(op, args, side) << int(attrs["left_shift"])
        scaled.append(
            multiply_by_quantized_multiplier(shifted, attrs[f"{side}_multiplier"], attrs[f"{side}_shift"])
        )
    raw = scaled[0].astype(np.int64) + sign * scaled[1].astype(np.int64)
    out = multiply_by_quantized_multiplier(raw, attrs["output_multiplier"], attrs["output_shift"])
    return _clamp(op, out.astype(np.int64))


def _centred(op: Operator, args: dict[str, Array], side: str) -> Int64Array:
    return args[side].astype(np.int64) - int(op.attrs[f"{side}_zero_point"])


def _clamp(op: Operator, scaled: Int64Array) -> npt.NDArray[Any]:
    out = scaled + int(op.attrs["output_zero_point"])
    return np.minimum(np.maximum(out, int(op.attrs["act_min"])), int(op.attrs["act_max"])).astype(np.int8)
