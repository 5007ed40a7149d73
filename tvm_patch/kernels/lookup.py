"""Any unary function of an 8-bit value: one table of 256 entries in flash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tvm_patch.kernels.elementwise import Elementwise, ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr


class Lookup(Elementwise):
    """What all lookups share."""

    kinds = ("lookup",)

    @property
    def tables(self) -> dict[str, np.ndarray]:
        """The 256 results, for the least input first."""
        return {"table": np.ascontiguousarray(self.op.constants["table"].reshape(-1))}

    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return ``table[data + 128]``, or ``table[data]`` for unsigned data."""
        index = T.cast(values[0], "int32")
        return tables["table"][index + 128 if self.op.inputs[0].dtype == "int8" else index]


@register
class LookupTensor(Lookup, ElementwiseTensor):
    """Lookup over a tensor of any rank."""


@register
class LookupRow(Lookup, ElementwiseRow):
    """Lookup over one row."""
