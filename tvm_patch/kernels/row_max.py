"""Global maximum pooling and the maximum over rows and columns, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels.base import Form, OpView
from tvm_patch.kernels.fixed_point import clamp
from tvm_patch.kernels.ir import Expr, call
from tvm_patch.kernels.pooling import PoolGeometry
from tvm_patch.kernels.reduction import ChannelReduction
from tvm_patch.kernels.registry import register_reduction
from tvm_patch.kernels.row_sum import over_rows_and_columns

_LEAST = -128


class RowMax(ChannelReduction):
    """Maxima of channels; one packed word holds four."""

    packed_start: ClassVar[tuple[int, ...]] = (0x80808080,)  # four times the least int8

    @property
    def start(self) -> int:
        """The least int8, which never wins."""
        return _LEAST

    def join(self, total: Expr, value: Expr) -> Expr:
        """Return the greater one."""
        return T.max(total, value)

    def packed_join(self, packed: Sequence[Expr], word: Expr) -> Sequence[Expr]:
        """Return the greater of each pair of bytes."""
        return (call("uint32", "tvmp_max4", packed[0], word),)

    def packed_value(self, packed: Sequence[Expr], lane: int) -> Expr:
        """Return one byte."""
        return call("int32", "tvmp_byte", packed[0], lane)


@register_reduction
class GlobalMaxPool2d(RowMax):
    """Maximum pooling whose only window is the whole input."""

    kinds = ("max_pool2d",)

    @classmethod
    def accepts(cls, op: OpView) -> bool:
        """Take a window of the input's size without padding."""
        return super().accepts(op) and PoolGeometry.of(op).covers_input

    def result(self, form: Form, total: Expr) -> Expr:
        """Return the clamped maximum."""
        return clamp(total, int(self.op.attrs["act_min"]), int(self.op.attrs["act_max"]))


@register_reduction
class RowReduceMax(RowMax):
    """Maximum over axes 1 and 2, whether they are kept or not."""

    kinds = ("reduce_max",)

    @classmethod
    def accepts(cls, op: OpView) -> bool:
        """Take axes 1 and 2."""
        return super().accepts(op) and over_rows_and_columns(op)

    def result(self, form: Form, total: Expr) -> Expr:
        """Return the maximum."""
        return T.cast(total, "int8")
