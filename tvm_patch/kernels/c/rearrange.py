"""Rearrangements with one memcpy for elements that stay together."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import Kernel
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.loops import Strides, merge_axes, nest
from tvm_patch.kernels.rearrange import Rearrange, RearrangePartOfRow, RearrangeRows
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_LEAST = 4
"""Elements that a call pays for."""


class _Copying(Kernel):
    """The same walk over int8."""

    isa = "c"

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take int8."""
        return super().accepts(op) and op.outputs[0].dtype == "int8"

    def copy(
        self,
        out: Buffer,
        data: Buffer,
        extents: Sequence[int | Expr],
        strides: tuple[Strides, Strides],
        offsets: tuple[int | Expr, int | Expr] = (0, 0),
    ) -> None:
        """Emit the copying of elements, those beside each other together."""
        extents, strides_ = merge_axes(extents, strides)
        run, steps = extents[-1], [s[-1] for s in strides_]
        if steps != [1, 1] or (isinstance(run, int) and run < _LEAST):
            super().copy(out, data, extents, (strides_[0], strides_[1]), offsets)  # type: ignore[misc]
            return
        with nest(extents[:-1], [s[:-1] for s in strides_], offsets) as (to, source):
            pointers = T.address_of(out[to]), T.address_of(data[source])
            T.evaluate(call("int32", "tvmp_copy", *pointers, run))


@register
class CopyingRearrange(_Copying, Rearrange):
    """Whole tensors."""


@register
class CopyingRearrangeRows(_Copying, RearrangeRows):
    """Row by row."""


@register
class CopyingRearrangePartOfRow(_Copying, RearrangePartOfRow):
    """Several rows of one."""
