"""Fixed-point rescaling by literals with SMMULR, where the value's bound lets it double."""

from __future__ import annotations

from functools import partial

from tvm_patch.kernels import fixed_point
from tvm_patch.kernels.fixed_point import INT32_LIMIT, high_multiply
from tvm_patch.kernels.named import bind
from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr


def high_multiply_smmulr(value: Expr, multiplier: int, bound: int) -> Expr:
    """Return ``SaturatingRoundingDoublingHighMul``, one SMMULR of twice the value where that fits int32."""
    if 2 * bound < INT32_LIMIT:
        return bind("high", T.call_extern("int32", "tvmp_smmulr", value * 2, multiplier))
    return high_multiply(value, multiplier)


multiply_by_quantized_multiplier = partial(
    fixed_point.multiply_by_quantized_multiplier, high=high_multiply_smmulr
)
"""As :func:`tvm_patch.kernels.fixed_point.multiply_by_quantized_multiplier`."""
