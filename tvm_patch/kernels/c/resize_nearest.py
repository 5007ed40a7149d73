"""RESIZE_NEAREST_NEIGHBOR with one memcpy a pixel."""

from __future__ import annotations

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import Kernel
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.resize_nearest import ResizeNearest, ResizeNearestRow
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr


class _Copying(Kernel):
    """The same walk over pixels of int8."""

    isa = "c"

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take int8."""
        return super().accepts(op) and op.outputs[0].dtype == "int8"

    def copy(self, out: Buffer, to: Expr, data: Buffer, start: Expr) -> None:
        """Emit the copying of one pixel."""
        pointers = T.address_of(out[to]), T.address_of(data[start])
        T.evaluate(call("int32", "tvmp_copy", *pointers, self.op.outputs[0].shape[3]))


@register
class CopyingResizeNearest(_Copying, ResizeNearest):
    """Whole tensors."""


@register
class CopyingResizeNearestRow(_Copying, ResizeNearestRow):
    """Row by row."""
