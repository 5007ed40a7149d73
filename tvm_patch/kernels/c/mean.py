"""Mean over any axes, rescaled by SMMULR."""

from __future__ import annotations

from tvm_patch.kernels.c.fixed_point import multiply_by_quantized_multiplier
from tvm_patch.kernels.mean import Mean
from tvm_patch.kernels.registry import register


@register
class SmmulrMean(Mean):
    """As :class:`Mean`."""

    isa = "c"
    multiply = staticmethod(multiply_by_quantized_multiplier)
