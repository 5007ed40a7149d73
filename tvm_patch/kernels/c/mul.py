"""Quantized multiplication, four elements at a time."""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels.c.elementwise import PackedElementwise
from tvm_patch.kernels.c.fixed_point import multiply_by_quantized_multiplier
from tvm_patch.kernels.elementwise import ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.mul import Mul
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import Expr


class _PackedMul(PackedElementwise, Mul):
    multiply = staticmethod(multiply_by_quantized_multiplier)

    def clamped(self, scaled: Expr) -> Expr:
        """Return the rescaled product with the zero point, clamped: one SSAT where the range is int8's own."""
        attrs = self.op.attrs
        # A shift to the right leaves room for the zero point.
        if attrs["shift"] <= 0 and (attrs["act_min"], attrs["act_max"]) == (-128, 127):
            return T.call_extern("int32", "tvmp_ssat8", scaled + int(attrs["output_zero_point"]))
        return super().clamped(scaled)


@register
class PackedMulTensor(_PackedMul, ElementwiseTensor):
    """Multiplication over tensors of any rank."""


@register
class PackedMulRow(_PackedMul, ElementwiseRow):
    """Multiplication over one row."""
