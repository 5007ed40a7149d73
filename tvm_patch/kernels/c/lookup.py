"""Lookups of int8 in tables of int8, four elements at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.graph import Operator
from tvm_patch.kernels.c.elementwise import PackedElementwise
from tvm_patch.kernels.elementwise import ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.lookup import Lookup
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr


class _PackedLookup(PackedElementwise, Lookup):
    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take int8 for int8."""
        return super().accepts(op) and op.inputs[0].dtype == op.outputs[0].dtype == "int8"

    def store_four(
        self,
        out: Buffer,
        index: Expr,
        loaded: Sequence[Expr],
        packed: Sequence[bool],
        tables: Mapping[str, Buffer],
    ) -> None:
        """Emit the store of four elements as a word."""
        entries = call("uint32", "tvmp_lookup4", T.address_of(tables["table"][128]), loaded[0])
        T.evaluate(call("void", "tvmp_store4", T.address_of(out[index]), entries))


@register
class PackedLookupTensor(_PackedLookup, ElementwiseTensor):
    """Lookup over a tensor of any rank."""


@register
class PackedLookupRow(_PackedLookup, ElementwiseRow):
    """Lookup over one row."""
