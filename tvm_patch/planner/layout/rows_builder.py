"""Lay out operators that run together and make rows on demand.

What the segment does is replayed (:mod:`tvm_patch.planner.layout.flow`); columns follow from its windows, sizes from
both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property

from tvm_patch.errors import PlanError
from tvm_patch.graph import Tensor
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.composite import CompositeDesc, columns_read
from tvm_patch.planner.layout.composite_chain import elements_of
from tvm_patch.planner.layout.flow import Flow, Reader, simulate
from tvm_patch.planner.layout.overlap import overlap_distance
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, RowBuffer, Span, aligned
from tvm_patch.planner.layout.rows import RowsLayout, end_of_scratch
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow


def layout_rows(
    network: Network,
    indices: Sequence[int],
    bands: int = 1,
    kept: Collection[str] = (),
    fetched: Collection[str] = (),
    composites: Sequence[Composite] = (),
) -> RowsLayout:
    """Lay out operators that run together, row by row.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    indices : sequence of int
        The operators, in run order.
    bands : int
        Vertical stripes of the sink's output, at most its width.
    kept : collection of str
        Tensors that the segment makes and that are needed after it; the sink's output need not be named.
    fetched : collection of str
        Network inputs whose rows are fetched instead of read from the arena.
    composites : sequence of Composite
        Neighbours among the operators that run as one.

    Raises
    ------
    PlanError
        When these operators cannot run together in this way, saying why.
    """
    elements = elements_of(network, indices, composites, kept)
    operators = tuple(network.operators[i] for i in indices)
    layout = _Layout(network, elements, bands, set(kept), set(fetched)).build(operators)
    distance = {t: overlap_distance(layout, network, t) for t in layout.sources}
    return replace(layout, input_distance=distance)


def reduces_rows(op: OperatorDesc, *, fed: bool = True) -> bool:
    """Tell whether the last operator of a segment reads rows into accumulators instead of making rows.

    One that can do both does so where rows come one after the other: its accumulators are smaller than the rows of its
    window.

    Parameters
    ----------
    op : OperatorDesc
    fed : bool
        Whether its input is made by the segment or fetched.
    """
    return op.state_bytes > 0 and (fed or not op.rows)


class _Layout:
    def __init__(
        self, network: Network, ops: tuple[OperatorDesc, ...], bands: int, kept: set[str], fetched: set[str]
    ) -> None:
        if reduces_rows(ops[-1], fed=len(ops) > 1 or not fetched.isdisjoint(ops[-1].inputs)):
            ops = (*ops[:-1], replace(ops[-1], rows=()))
        self.network, self.ops, self.bands = network, ops, bands
        self.made = {op.outputs[0] for op in ops}
        self.kept = (kept & self.made) - {ops[-1].outputs[0]}
        self.fetched = fetched - self.made
        self._check()

    def _tensor(self, name: str) -> Tensor:
        return self.network.tensors[name]

    @cached_property
    def reduces(self) -> bool:
        """Whether the sink is a reduction."""
        return not self.ops[-1].rows

    def windows(self, op: OperatorDesc) -> tuple[RowWindow, ...]:
        """Return how `op` reads its inputs; a reduction reads one row at a time."""
        return op.rows or (RowWindow(),)

    def _check(self) -> None:
        read = {t for op in self.ops for t in op.inputs}
        for op in self.ops[:-1]:
            if not op.rows:
                raise PlanError(
                    f"operator {op.index} ({op.kind} {op.name}) needs its whole input: it cannot run row by row"
                )
            if op.outputs[0] not in read:
                raise PlanError(f"operator {op.index} ({op.kind} {op.name}) leads nowhere inside its segment")
        sink = self.ops[-1]
        if not sink.rows and not sink.state_bytes:
            raise PlanError(
                f"operator {sink.index} ({sink.kind} {sink.name}) can neither run nor reduce row by row"
            )
        if self.bands > 1:
            if self.kept:
                raise PlanError(f"tensor {min(self.kept)} is needed later: its segment cannot have bands")
            for op in self.ops:
                if not op.bandable:
                    raise PlanError(f"operator {op.index} ({op.kind} {op.name}) cannot be cut into bands")
        if not 1 <= self.bands <= self._sink_width():
            raise PlanError(f"{self.bands} bands do not fit the {self._sink_width()} columns of {sink.name}")

    def _sink_width(self) -> int:
        sink = self.ops[-1]
        return self._tensor(sink.inputs[0] if self.reduces else sink.outputs[0]).shape[2]

    def _sink_rows(self) -> int:
        sink = self.ops[-1]
        return self._tensor(sink.inputs[0] if self.reduces else sink.outputs[0]).shape[1]

    def build(self, operators: tuple[OperatorDesc, ...]) -> RowsLayout:
        """Return the layout of the segment of these operators."""
        buffered = self._buffered()
        flow = self._flow()
        counts = simulate(flow)
        if counts is None:
            raise PlanError(
                f"operators {self.ops[0].index} to {self.ops[-1].index} read a tensor at paces that do not agree: "
                "they cannot run in one segment"
            )
        spans, needs = self._columns()
        buffers, offset = {}, 0
        for tensor in buffered:
            readers = flow.readers[tensor]
            padded = [r.window for r in readers if r.buffered and r.window.pads]
            values = {w.pad_value for w in padded}
            if len(values) > 1:
                raise PlanError(f"tensor {tensor} is padded with different values by its readers")
            desc = self._tensor(tensor)
            buffers[tensor] = RowBuffer(
                tensor,
                "fetched"
                if tensor in self.fetched
                else "made"
                if flow.maker[tensor] is not None
                else "stored",
                counts.waiting[tensor],
                flow.top(tensor),
                needs[tensor],
                desc.row_bytes // desc.shape[2],
                values.pop() if values else 0,
                offset,
                needs[tensor].shared_padding(desc.shape[2]),
            )
            offset += aligned(buffers[tensor].nbytes)
        stores = {}
        for op, span in zip(self.ops, spans, strict=True):
            if isinstance(op, CompositeDesc):
                for store in op.laid_out.stores(list(zip(span.first, span.end, strict=True))):
                    stores[store.tensor] = replace(store, offset=offset)
                    offset += aligned(store.nbytes)
        state, scratch = offset, offset + aligned(self.ops[-1].state_bytes if self.reduces else 0)
        sources = [t for op in self.ops for t in op.inputs if t not in self.made and t not in self.fetched]
        return RowsLayout(
            operators=(*operators[:-1], self.ops[-1]) if self.reduces else operators,
            elements=self.ops,
            sources=tuple(dict.fromkeys(sources)),
            fetched=tuple(sorted(self.fetched & {t for op in self.ops for t in op.inputs})),
            stored=(*sorted(self.kept), self.ops[-1].outputs[0]),
            scratch_bytes=end_of_scratch(scratch, self.ops),
            input_distance={},
            bands=self.bands,
            spans=spans,
            buffers=buffers,
            buffered=self._uses,
            flow=flow,
            counts=counts,
            stores=stores,
            state_offset=state,
            scratch_offset=scratch,
        )

    def direct(self, op: OperatorDesc, window: RowWindow, tensor: str) -> bool:
        """Tell whether a window may read a stored tensor in place: nothing of it lies outside."""
        rows = self._sink_rows() if op is self.ops[-1] else self._tensor(op.outputs[0]).shape[1]
        return window.reads_in_place(rows, self._tensor(tensor).shape[1])

    @cached_property
    def _uses(self) -> frozenset[tuple[int, int]]:
        """Return which (operator position, input) are read from row buffers."""
        uses = set()
        for i, op in enumerate(self.ops):
            for j, (tensor, window) in enumerate(zip(op.inputs, self.windows(op), strict=True)):
                inner = tensor in self.made and tensor not in self.kept
                if inner and window.stride == 0:
                    raise PlanError(f"tensor {tensor} is broadcast: it must be whole before its reader runs")
                if inner or tensor in self.fetched or not self.direct(op, window, tensor):
                    uses.add((i, j))
        return frozenset(uses)

    def _buffered(self) -> list[str]:
        """Return the tensors that need a row buffer, in order of first use."""
        names = list(dict.fromkeys(self.ops[i].inputs[j] for i, j in sorted(self._uses)))
        for name in names:
            if self._tensor(name).dtype not in BUFFERED_DTYPES:
                raise PlanError(f"tensor {name} is {self._tensor(name).dtype}: row buffers hold bytes only")
        return names

    def _flow(self) -> Flow:
        position = {op.outputs[0]: i for i, op in enumerate(self.ops)}
        readers: dict[str, list[Reader]] = {}
        inputs: list[tuple[str, ...]] = []
        for i, op in enumerate(self.ops):
            row_wise = []
            for j, (tensor, window) in enumerate(zip(op.inputs, self.windows(op), strict=True)):
                if (i, j) in self._uses or tensor in self.kept:
                    row_wise.append(tensor)
                    reader = Reader(i, window, (i, j) in self._uses, self._tensor(tensor).shape[1])
                    readers.setdefault(tensor, []).append(reader)
            inputs.append(tuple(row_wise))
        heights = [self._tensor(op.outputs[0]).shape[1] for op in self.ops[:-1]] + [self._sink_rows()]
        maker = {t: position.get(t) for t in readers}
        rows = {t: self._tensor(t).shape[1] for t in readers}
        at_once = [op.rows_at_once for op in self.ops]
        # Found once a network, and not at all where operators run one by one.
        turns = [self.network.turns[op.index] for op in self.ops] if len(self.ops) > 1 else []
        return Flow(heights, inputs, maker, readers, rows, tuple(sorted(self.kept)), at_once, turns)

    def _columns(self) -> tuple[tuple[Span, ...], dict[str, Span]]:
        """Return the columns that each operator makes, and those that each row buffer holds."""
        width = self._sink_width()
        step = -(-width // self.bands)
        starts = tuple(range(0, width, step))
        if len(starts) != self.bands:
            raise PlanError(f"{width} columns cannot be cut into {self.bands} bands of equal width")
        wanted: dict[str, Span] = {}
        held: dict[str, Span] = {}
        spans: dict[int, Span] = {}
        sink = Span(starts, tuple(min(width, s + step) for s in starts))
        for op in reversed(self.ops):
            last = op is self.ops[-1]
            own = sink if last else wanted[op.outputs[0]].clipped(self._tensor(op.outputs[0]).shape[2])
            self._check_inside(op.outputs[0], own)
            if op.outputs[0] in self.kept:
                own = Span((0,), (self._tensor(op.outputs[0]).shape[2],))
            elif not op.bandable and not last:
                own = Span((0,), (self._tensor(op.outputs[0]).shape[2],))
                held[op.outputs[0]] = held[op.outputs[0]].joined(own)
            spans[op.index] = own
            i = self.ops.index(op)
            for j, (tensor, window) in enumerate(zip(op.inputs, self.windows(op), strict=True)):
                need = columns_read(op, tensor, window, own)
                wanted[tensor] = wanted[tensor].joined(need) if tensor in wanted else need
                if (i, j) in self._uses:
                    held[tensor] = held[tensor].joined(need) if tensor in held else need
        for tensor in set(held) - self.fetched:
            self._check_inside(tensor, held[tensor].clipped(self._tensor(tensor).shape[2]))
        for tensor in self.fetched & set(held):
            whole = Span((0,) * self.bands, (self._tensor(tensor).shape[2],) * self.bands)
            low, high = min(held[tensor].first), max(held[tensor].end)
            held[tensor] = whole.joined(Span((low,) * self.bands, (high,) * self.bands))
        return tuple(spans[op.index] for op in self.ops), held

    def _check_inside(self, tensor: str, columns: Span) -> None:
        """Refuse a band that reads nothing of a tensor but its padding: there would be no columns to make."""
        if any(e <= f for f, e in zip(columns.first, columns.end, strict=True)):
            raise PlanError(
                f"one of {self.bands} bands depends on no more than the padding of tensor {tensor}; use fewer"
            )
