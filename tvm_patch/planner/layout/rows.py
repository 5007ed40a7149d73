"""A segment that makes rows on demand, laid out: row buffers, bands, offsets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Self

from tvm_patch.planner.layout.base import Layout
from tvm_patch.planner.layout.composite import CompositeDesc, Store
from tvm_patch.planner.layout.flow import Flow, RowCounts
from tvm_patch.planner.layout.row_buffer import RowBuffer, Span, aligned
from tvm_patch.planner.network import Network, OperatorDesc


@dataclass(frozen=True, kw_only=True)
class RowsLayout(Layout):
    """Everything about a segment of rows on demand that its code and its cost follow from.

    Attributes
    ----------
    elements : tuple of OperatorDesc
        What runs: the operators, and composites in place of those that they are made of.
    bands : int
        Vertical stripes of the sink's output.
    spans : tuple of Span
        Per element: the columns that it makes (that it reads, for a reduction).
    buffers : dict of str to RowBuffer
        By tensor.
    buffered : frozenset of (int, int)
        Which (element, input) read from a row buffer; the others read stored tensors in place.
    flow : Flow
        Row dependencies.
    counts : RowCounts
        What running it does.
    stores : dict of str to Store
        By tensor: where composites keep rows of it from one run to the next.
    scratch_offset : int
        Byte offset in the scratch of the working memory that all kernels share; it is the last part.
    """

    elements: tuple[OperatorDesc, ...]
    bands: int
    spans: tuple[Span, ...]
    buffers: dict[str, RowBuffer]
    buffered: frozenset[tuple[int, int]]
    flow: Flow
    counts: RowCounts
    stores: dict[str, Store]
    scratch_offset: int

    @property
    def held(self) -> Collection[str]:
        """Tensors of which the scratch holds a part."""
        return [*self.buffers, *self.stores]

    def macs_executed(self, network: Network) -> int:
        """Return the multiply-accumulates that the segment runs."""
        total = 0
        for op, span, rows in zip(self.elements, self.spans, self.counts.made, strict=True):
            if isinstance(op, CompositeDesc):
                for band in zip(span.first, span.end, strict=True):
                    total += op.laid_out.macs(*band) * -(-rows // op.rows_at_once)
                    total += op.laid_out.first_macs(*band)
            elif op.macs:
                swept = network.tensors[op.outputs[0] if op.rows else op.inputs[0]]
                total += op.macs * rows * span.total // (swept.shape[1] * swept.shape[2])
        return total

    def with_scratch(self, scratch: Sequence[int]) -> Self:
        """Return the layout for kernels with other scratch; see :meth:`Layout.with_scratch`."""
        operators = self._operators_with(scratch)
        known = {op.index: op for op in operators}
        elements = tuple(e if isinstance(e, CompositeDesc) else known[e.index] for e in self.elements)
        return replace(
            self,
            operators=operators,
            elements=elements,
            scratch_bytes=end_of_scratch(self.scratch_offset, elements),
        )


def end_of_scratch(offset: int, elements: Sequence[OperatorDesc]) -> int:
    """Return the bytes of a segment's scratch whose last part, the kernels', begins at `offset`."""
    return offset + aligned(max((op.scratch_bytes for op in elements if op.rows), default=0))
