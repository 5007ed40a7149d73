"""Global maximum pooling and the maximum over rows and columns, four channels a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tvm_patch.kernels.c.reduction import PackedReduction
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.registry import register_reduction
from tvm_patch.kernels.row_max import GlobalMaxPool2d, RowMax, RowReduceMax
from tvm_patch.tvm_types import Expr


class _PackedMax(PackedReduction, RowMax):
    packed_start: ClassVar[tuple[int, ...]] = (0x80808080,)  # four times the least int8

    def packed_join(self, packed: Sequence[Expr], word: Expr) -> Sequence[Expr]:
        """Return the greater of each pair of bytes."""
        return (call("uint32", "tvmp_max4", packed[0], word),)

    def packed_value(self, packed: Sequence[Expr], lane: int) -> Expr:
        """Return one byte."""
        return call("int32", "tvmp_byte", packed[0], lane)


@register_reduction
class PackedGlobalMaxPool2d(_PackedMax, GlobalMaxPool2d):
    """Maximum pooling whose only window is the whole input."""


@register_reduction
class PackedRowReduceMax(_PackedMax, RowReduceMax):
    """Maximum over axes 1 and 2, whether they are kept or not."""
