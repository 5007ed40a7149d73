"""softmax over the last axis (TFLite ``reference_ops::Softmax``); beta is a factor in front."""

from __future__ import annotations

from typing import Any

import numpy as np

from relay_passes.dialect.ops import OpDef, build_call, define
from relay_passes.dialect.reference import Array, Operator
from relay_passes.dialect.rules import island_rule
from relay_passes.dialect.shapes import same_as_input
from relay_passes.dialect.weighted import int8_only
from relay_passes.island import Island
from relay_passes.quant_values import QuantTensor
from relay_passes.straight_line import op_name
from tvm_patch.integer import softmax_attrs
from tvm_patch.integer.requantize import rounding_divide_by_pot, wrap_int32
from tvm_patch.integer.requantize import saturating_rounding_doubling_high_mul as high_mul
from tvm_patch.integer.softmax import ACCUMULATION_INTEGER_BITS, exp_on_negative_values, reciprocal

# The only output grid that the kernel makes: [0, 1) in 256 steps.
_OUTPUT_GRID = (1.0 / 256.0, -128)
_GRID_TOLERANCE = 0.001 / 256.0  # LiteRT's


def _softmax(op: Operator, args: dict[str, Array]) -> Array:
    """Return the softmax over the last axis, in units of 1/256 from -128.

    With a sum of exponentials of 512 and more LiteRT aborts; here the formula goes on, and every output is
    -128.
    """
    data = args["data"].astype(np.int64)
    diff_min = int(op.attrs["diff_min"])
    diff = data - data.max(axis=-1, keepdims=True)
    kept = diff >= diff_min
    # Differences that are not kept would overflow the shift; their exponential is taken as 0.
    scaled = high_mul(np.where(kept, diff, 0) << int(op.attrs["shift"]), int(op.attrs["multiplier"]))
    exponential = np.where(kept, exp_on_negative_values(scaled), 0)
    total = rounding_divide_by_pot(exponential, ACCUMULATION_INTEGER_BITS).sum(axis=-1, keepdims=True)
    scale, bits_over_unit = reciprocal(wrap_int32(total))
    out = rounding_divide_by_pot(high_mul(scale, exponential), bits_over_unit + 23) - 128
    return np.where(kept, np.clip(out, -128, 127), -128).astype(np.int8)


define(OpDef("softmax", ("data",), (), ("multiplier", "shift", "diff_min"), same_as_input, _softmax))


@island_rule("relax.nn.softmax")
def softmax(island: Island) -> Any | None:
    """Match ``quantize(softmax(dequantize))`` and ``quantize(softmax(dequantize * beta))``."""
    if island.has_clip:
        return None
    data, beta = _input(island)
    if data is None:
        return None
    int8_only(island, data)
    if int(island.body.attrs.axis) not in (-1, len(data.shape) - 1):
        raise island.refuse("softmax over another axis than the last", "transpose first")
    scale, zero_point = _OUTPUT_GRID
    if abs(island.out.scale - scale) > _GRID_TOLERANCE or island.out.zero_point != zero_point:
        raise island.refuse(f"softmax to scale {island.out.scale}, zero point {island.out.zero_point}",
                            "its output must have scale 1/256 and zero point -128")  # fmt: skip
    return build_call("softmax", [data.expr], **softmax_attrs(data.scale, beta))


def _input(island: Island) -> tuple[QuantTensor | None, float]:
    source = island.body.args[0]
    inner = island.definition(source)
    if op_name(inner) == "relax.multiply":
        beta = island.scalar(inner.args[1])
        if beta is not None:
            return island.operand(inner.args[0]), beta
    return island.operand(source), 1.0
