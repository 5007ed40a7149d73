"""Quantized addition and subtraction, four elements at a time."""

from __future__ import annotations

from tvm_patch.kernels.add import Add, Affine
from tvm_patch.kernels.c.elementwise import PackedElementwise
from tvm_patch.kernels.c.fixed_point import multiply_by_quantized_multiplier
from tvm_patch.kernels.elementwise import ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr


class _PackedAdd(PackedElementwise, Add):
    multiply = staticmethod(multiply_by_quantized_multiplier)

    def line(self, affine: Affine, lhs: Expr, rhs: Expr) -> Expr:
        """Return the affine form before its shift: two MLA."""
        first = T.call_extern("int32", "tvmp_mla", lhs, affine.lhs_factor, affine.bias)
        return T.call_extern("int32", "tvmp_mla", rhs, affine.rhs_factor, first)

    def clamped(self, value: Expr) -> Expr:
        """Return an int32 expression clamped to the activation's range: one SSAT where that is int8's own."""
        if (self.additive.act_min, self.additive.act_max) == (-128, 127):
            return T.call_extern("int32", "tvmp_ssat8", value)
        return super().clamped(value)


@register
class PackedAddTensor(_PackedAdd, ElementwiseTensor):
    """Addition or subtraction over tensors of any rank."""


@register
class PackedAddRow(_PackedAdd, ElementwiseRow):
    """Addition or subtraction over one row."""
