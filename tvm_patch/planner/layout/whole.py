"""An operator that runs on whole tensors: it needs its inputs, its outputs and its kernel's scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from tvm_patch.errors import PlanError
from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.network import Network, OperatorDesc


@dataclass(frozen=True, kw_only=True)
class WholeLayout(Layout):
    """One operator on whole tensors."""

    @property
    def is_copy(self) -> bool:
        """Whether the output is the input, byte for byte."""
        return self.sink.is_copy

    def macs_executed(self, network: Network) -> int:
        """Return the multiply-accumulates that the operator runs."""
        return self.sink.macs

    def with_scratch(self, scratch: Sequence[int]) -> Self:
        """Return the layout for a kernel with other scratch; see :meth:`Layout.with_scratch`."""
        operators = self._operators_with(scratch)
        return replace(self, operators=operators, scratch_bytes=aligned(operators[0].scratch_bytes))


def layout_whole(op: OperatorDesc, bands: int = 1) -> WholeLayout:
    """Lay out an operator that runs on whole tensors.

    Parameters
    ----------
    op : OperatorDesc
    bands : int
        Vertical stripes that were asked for; there can only be one.

    Raises
    ------
    PlanError
        When there are to be several.
    """
    if bands != 1:
        raise PlanError(
            f"{bands} bands, but operator {op.index} ({op.kind} {op.name}) needs whole tensors; use one band"
        )
    in_place = op.in_place or tuple(None for _ in op.inputs)
    return WholeLayout(
        operators=(op,),
        sources=tuple(dict.fromkeys(op.inputs)),
        fetched=(),
        stored=op.outputs,
        scratch_bytes=aligned(op.scratch_bytes),
        input_distance=dict(zip(op.inputs, in_place, strict=True)),
    )
