"""Quantized multiplication: one exact product, one fixed-point rescaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels.base import Form
from tvm_patch.kernels.elementwise import Elementwise, ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.fixed_point import bounded_sum, multiply_by_quantized_multiplier
from tvm_patch.kernels.loops import Buffer, Expr
from tvm_patch.kernels.registry import register

_LARGEST_PRODUCT = 255 * 255


class _Mul(Elementwise):
    kinds = ("mul",)
    operand_names = ("lhs", "rhs")

    def element(self, form: Form, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return the clamped product."""
        return T.cast(self.number(form, [T.cast(v, "int32") for v in values]), "int8")

    def number(self, form: Form, values: Sequence[Expr]) -> Expr:
        """Return the clamped product as int32."""
        attrs = {k: int(self.op.attrs[k]) for k in self.op.attrs}
        lhs = values[0] - attrs["lhs_zero_point"]
        rhs = values[1] - attrs["rhs_zero_point"]
        scaled = multiply_by_quantized_multiplier(
            lhs * rhs, attrs["multiplier"], attrs["shift"], _LARGEST_PRODUCT, form=form
        )
        if form == "dsp" and attrs["shift"] <= 0 and (attrs["act_min"], attrs["act_max"]) == (-128, 127):
            return T.call_extern("int32", "tvmp_ssat8", scaled + attrs["output_zero_point"])
        return bounded_sum(scaled, attrs["output_zero_point"], attrs["act_min"], attrs["act_max"])


@register
class MulTensor(_Mul, ElementwiseTensor):
    """Multiplication over tensors of any rank."""


@register
class MulRow(_Mul, ElementwiseRow):
    """Multiplication over one row."""
