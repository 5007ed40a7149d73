"""Element-wise maximum and minimum of two int8 tensors of one quantization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.kernels.elementwise import Elementwise, ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr


class _Extremum(Elementwise):
    kinds = ("maximum", "minimum")
    operand_names = ("lhs", "rhs")

    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return the larger or the smaller of the two."""
        return T.max(*values) if self.op.kind == "maximum" else T.min(*values)


@register
class ExtremumTensor(_Extremum, ElementwiseTensor):
    """Maximum or minimum over tensors of any rank."""


@register
class ExtremumRow(_Extremum, ElementwiseRow):
    """Maximum or minimum over one row."""
