"""Global average pooling and the mean over rows and columns, in packed sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tvm_patch.kernels.c.fixed_point import multiply_by_quantized_multiplier
from tvm_patch.kernels.c.reduction import PackedReduction
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.registry import register_reduction
from tvm_patch.kernels.row_sum import GlobalAvgPool2d, RowMean, RowSum
from tvm_patch.tvm_types import Expr


class _PackedSum(PackedReduction, RowSum):
    """The packed words hold the sums of channels 0 and 2, and of 1 and 3, as int16."""

    packed_start: ClassVar[tuple[int, ...]] = (0, 0)
    packed_columns: ClassVar[int | None] = 256  # as many times -128 are -2**15

    def packed_join(self, packed: Sequence[Expr], word: Expr) -> Sequence[Expr]:
        """Return the four sums in two words."""
        return (
            call("uint32", "tvmp_sxtab16", packed[0], word),
            call("uint32", "tvmp_sxtab16_ror8", packed[1], word),
        )

    def packed_value(self, packed: Sequence[Expr], lane: int) -> Expr:
        """Return one of the four sums."""
        return call("int32", "tvmp_low16" if lane < 2 else "tvmp_high16", packed[lane % 2])


@register_reduction
class PackedGlobalAvgPool2d(_PackedSum, GlobalAvgPool2d):
    """Average pooling whose only window is the whole input."""


@register_reduction
class PackedRowMean(_PackedSum, RowMean):
    """Mean over axes 1 and 2, or over axis 1 of a single column, whether they are kept or not."""

    multiply = staticmethod(multiply_by_quantized_multiplier)
