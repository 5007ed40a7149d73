"""Quantized multiplication: one exact product, one fixed-point rescaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.kernels.elementwise import Elementwise, ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.fixed_point import bounded_sum, multiply_by_quantized_multiplier
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_LARGEST_PRODUCT = 255 * 255


class Mul(Elementwise):
    """What all multiplications share."""

    kinds = ("mul",)
    operand_names = ("lhs", "rhs")
    multiply = staticmethod(multiply_by_quantized_multiplier)
    """Emits a fixed-point multiplication."""

    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return the clamped product."""
        return T.cast(self.number([T.cast(v, "int32") for v in values]), "int8")

    def number(self, values: Sequence[Expr]) -> Expr:
        """Return the clamped product as int32."""
        attrs = {k: int(self.op.attrs[k]) for k in self.op.attrs}
        lhs = values[0] - attrs["lhs_zero_point"]
        rhs = values[1] - attrs["rhs_zero_point"]
        scaled = self.multiply(lhs * rhs, attrs["multiplier"], attrs["shift"], _LARGEST_PRODUCT)
        return self.clamped(scaled)

    def clamped(self, scaled: Expr) -> Expr:
        """Return the rescaled product with the zero point, clamped to the activation's range."""
        zero_point, low, high = (int(self.op.attrs[k]) for k in ("output_zero_point", "act_min", "act_max"))
        return bounded_sum(scaled, zero_point, low, high)


@register
class MulTensor(Mul, ElementwiseTensor):
    """Multiplication over tensors of any rank."""


@register
class MulRow(Mul, ElementwiseRow):
    """Multiplication over one row."""
