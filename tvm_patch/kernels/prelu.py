"""PReLU: values below the zero point are multiplied by ``alpha``, each side with its own rescaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.kernels.elementwise import Elementwise, ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.fixed_point import clamp_shifted, multiply_by_quantized_multiplier
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_LARGEST = 255


class _Prelu(Elementwise):
    kinds = ("prelu",)
    operand_names = ("data", "alpha")

    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return the activation; the reference clamps to the whole int8 range."""
        attrs = {k: int(self.op.attrs[k]) for k in self.op.attrs}
        data = T.cast(values[0], "int32") - attrs["input_zero_point"]
        alpha = T.cast(values[1], "int32") - attrs["alpha_zero_point"]
        positive = multiply_by_quantized_multiplier(
            data, attrs["positive_multiplier"], attrs["positive_shift"], _LARGEST
        )
        negative = multiply_by_quantized_multiplier(
            data * alpha, attrs["negative_multiplier"], attrs["negative_shift"], _LARGEST * _LARGEST
        )
        zero_point = attrs["output_zero_point"]
        return clamp_shifted(T.Select(data >= 0, positive, negative), zero_point, -128, 127)


@register
class PreluTensor(_Prelu, ElementwiseTensor):
    """PReLU over tensors of any rank."""


@register
class PreluRow(_Prelu, ElementwiseRow):
    """PReLU over one row."""
