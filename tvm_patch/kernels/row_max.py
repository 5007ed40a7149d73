"""Global maximum pooling and the maximum over rows and columns, row by row."""

from __future__ import annotations

from tvm_patch.graph import Operator
from tvm_patch.kernels.fixed_point import clamp
from tvm_patch.kernels.pooling import PoolGeometry
from tvm_patch.kernels.reduction import ChannelReduction
from tvm_patch.kernels.registry import register_reduction
from tvm_patch.kernels.row_sum import over_rows_and_columns
from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr

_LEAST = -128


class RowMax(ChannelReduction):
    """Maxima of channels."""

    @property
    def start(self) -> int:
        """The least int8, which never wins."""
        return _LEAST

    def join(self, total: Expr, value: Expr) -> Expr:
        """Return the greater one."""
        return T.max(total, value)


@register_reduction
class GlobalMaxPool2d(RowMax):
    """Maximum pooling whose only window is the whole input."""

    kinds = ("max_pool2d",)

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take a window of the input's size without padding."""
        return super().accepts(op) and PoolGeometry.of(op).covers_input

    def result(self, total: Expr) -> Expr:
        """Return the clamped maximum."""
        return clamp(total, int(self.op.attrs["act_min"]), int(self.op.attrs["act_max"]))


@register_reduction
class RowReduceMax(RowMax):
    """Maximum over axes 1 and 2, whether they are kept or not."""

    kinds = ("reduce_max",)

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take axes 1 and 2."""
        return super().accepts(op) and over_rows_and_columns(op)

    def result(self, total: Expr) -> Expr:
        """Return the maximum."""
        return T.cast(total, "int8")
