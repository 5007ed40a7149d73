"""softmax over the last axis, with TFLite's beta as a factor in front."""

from __future__ import annotations

from relay_passes.dialect import build_call
from relay_passes.island import Island
from relay_passes.legalize.weighted import int8_only
from relay_passes.quant_values import QuantTensor
from relay_passes.straight_line import op_name
from tvm_patch.integer import softmax_attrs
from tvm_patch.tvm_types import Expr

# The only output grid that the kernel makes: [0, 1) in 256 steps.
_OUTPUT_GRID = (1.0 / 256.0, -128)
_GRID_TOLERANCE = 0.001 / 256.0  # LiteRT's


def softmax(island: Island) -> Expr | None:
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
