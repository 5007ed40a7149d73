"""From operators to a composite: whether they can be one, and what it is laid out as."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from tvm_patch.errors import PlanError
from tvm_patch.graph import Operator
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.composite import Columns, CompositeDesc, CompositeLayout, Kept, Reached
from tvm_patch.planner.layout.composite_tiles import tiles_of
from tvm_patch.planner.layout.flow import Flow, Reader, RowCounts, simulate
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, RowBuffer, Span, aligned
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.turned import turned_tensor

KIND = "composite"


def describe_composite(network: Network, composite: Composite, kept: Collection[str] = ()) -> CompositeDesc:
    """Return a composite as one operator.

    Parameters
    ----------
    network : Network
        That can turn its operators.
    composite : Composite
    kept : collection of str
        Tensors that are needed after the segment.

    Raises
    ------
    PlanError
        When these operators cannot run as one in this way, saying why.
    """
    return Chain(network, composite.operators, kept).of_rows(
        composite.rows, composite.keeps, composite.columns
    )


class Chain:
    """Operators that can be a composite, whatever number of rows it makes at once.

    Parameters
    ----------
    network : Network
        That can turn its operators.
    operators : sequence of int
        Indices in run order.
    kept : collection of str
        Tensors that are needed after the segment.
    count : callable
        Says what one run does, from what its columns depend on.

    Raises
    ------
    PlanError
        When they cannot run as one, saying why.
    """

    def __init__(
        self,
        network: Network,
        operators: Sequence[int],
        kept: Collection[str] = (),
        count: Callable[[Flow], RowCounts | None] = simulate,
    ) -> None:
        self.network, self.operators = network, tuple(operators)
        self.plain = [network.operators[i] for i in operators]
        self.made = {op.outputs[0] for op in self.plain}
        self._check(kept)
        self.ops = tuple(self._turned(op) for op in self.plain)
        self.sink = network.tensors[self.plain[-1].outputs[0]]
        self.uses, self.outside = self._uses()
        self.flow = self._flow()
        counts = count(self.flow)
        if counts is None:
            raise PlanError(
                f"operators {self.plain[0].index} to {self.plain[-1].index} read a tensor at paces that do not agree: "
                "they cannot run as a composite"
            )
        self.counts = counts
        self.across = self._reached(1, along_columns=True)
        self._columns: dict[tuple[int, int], Mapping[str, Columns]] = {}

    def _check(self, kept: Collection[str]) -> None:
        if len(self.plain) < 2:
            raise PlanError("a composite has two operators at least")
        for op in self.plain[:-1]:
            (name,) = op.outputs[:1]
            readers = [r.index for r in self.network.consumers(name)]
            if not readers:
                raise PlanError(
                    f"operator {op.index} ({op.kind} {op.name}) leads nowhere inside its composite"
                )
            if name in kept or not set(readers) <= set(self.operators) or name in self.network.outputs:
                raise PlanError(f"tensor {name} is needed outside of the composite that makes it")
        sink = self.network.tensors[self.plain[-1].outputs[0]]
        if len(sink.shape) != 4 or sink.shape[0] != 1 or sink.dtype not in BUFFERED_DTYPES:
            raise PlanError(f"tensor {sink.name} has no rows of bytes: no composite can make it")

    def _turned(self, op: OperatorDesc) -> OperatorDesc:
        shapes = self.network.shapes
        found = shapes.turned(op.index) if shapes is not None and op.rows else None
        if found is None:
            raise PlanError(f"operator {op.index} ({op.kind} {op.name}) cannot run column by column")
        return found

    def of_rows(self, rows: int, keeps: bool = False, columns: int = 0) -> CompositeDesc:
        """Return the composite that makes so many rows at once, as one operator.

        Parameters
        ----------
        rows : int
        keeps : bool
            Whether rows that the next run needs again are kept.
        columns : int
            Columns that it makes at once, row by row; 0 where it makes them one by one.

        Raises
        ------
        PlanError
            When it cannot be.
        """
        if not 1 <= rows <= self.sink.shape[1]:
            raise PlanError(f"{rows} rows at once do not fit the {self.sink.shape[1]} of {self.sink.name}")
        pixels = self._reached(rows, along_columns=False, keeps=keeps)
        self._check_inside(pixels, rows)
        kept = {t: k for t in self._inner if (k := _kept(pixels[t], rows))} if keeps else {}
        if keeps and not kept:
            raise PlanError(
                f"operators {self.plain[0].index} to {self.plain[-1].index}: no run needs rows that the one before "
                "made; the composite has nothing to keep"
            )
        buffers, offset = {}, 0
        for tensor in self.flow.readers:
            buffers[tensor] = self._buffer(tensor, pixels[tensor], offset)
            offset += aligned(buffers[tensor].nbytes)
        scratch = offset + aligned(rows * self.sink.shape[3])
        width = self.sink.shape[2]
        layout: CompositeLayout = CompositeLayout(
            self.ops,
            rows,
            pixels,
            kept,
            buffers,
            self.uses,
            self.flow,
            self.counts,
            offset,
            scratch,
            scratch + aligned(max(op.scratch_bytes for op in self.ops)),
            self._columns,
        )
        if columns:
            assert self.network.shapes is not None
            layout = tiles_of(layout, columns, self.network.shapes, self.across, aligned)
        return CompositeDesc(
            index=self.plain[-1].index,
            operator=Operator(
                KIND, self.plain[-1].name, tuple(self.network.tensors[t] for t in self.outside), (self.sink,)
            ),
            macs=layout.macs(0, width) * layout.runs + layout.first_macs(0, width),
            scratch_bytes=layout.scratch_bytes,
            rows=tuple(_window(pixels.get(t), self.across.get(t)) for t in self.outside),
            bandable=all(op.bandable for op in self.ops),
            rows_at_once=rows,
            layout=layout,
        )

    def _check_inside(self, pixels: Mapping[str, Reached], rows: int) -> None:
        """Refuse rows that depend on nothing of a tensor but its padding."""
        last = (-(-self.sink.shape[1] // rows) - 1) * rows
        for tensor, reached in pixels.items():
            height = self.network.tensors[tensor].shape[1]
            if reached.end <= 0 or last * reached.stride + reached.first >= height:
                raise PlanError(f"some of {rows} rows depend on no more than the padding of tensor {tensor}")

    def _uses(self) -> tuple[frozenset[tuple[int, int]], tuple[str, ...]]:
        """Return which (operator, input) read columns that are kept, and the tensors from outside."""
        uses, outside = set[tuple[int, int]](), dict[str, None]()
        for i, op in enumerate(self.ops):
            for j, (tensor, window) in enumerate(zip(op.inputs, op.rows, strict=True)):
                if tensor not in self.made:
                    outside[tensor] = None
                broadcast = window.stride == 0
                # Along rows, across them, or both.
                inside = tensor in self.made and (broadcast or window.column_stride == 0)
                if inside or (broadcast and window.column_stride):
                    raise PlanError(f"tensor {tensor} is broadcast: it must be whole before its reader runs")
                if not broadcast:
                    uses.add((i, j))
        for tensor in {self.ops[i].inputs[j] for i, j in uses}:
            if self.network.tensors[tensor].dtype not in BUFFERED_DTYPES:
                dtype = self.network.tensors[tensor].dtype
                raise PlanError(f"tensor {tensor} is {dtype}: columns hold bytes only")
        return frozenset(uses), tuple(outside)

    @cached_property
    def _inner(self) -> list[str]:
        """Tensors that it makes and reads."""
        return [op.outputs[0] for op in self.ops[:-1]]

    def _reached(self, output: int, *, along_columns: bool, keeps: bool = False) -> dict[str, Reached]:
        """Return the rows (or columns) of every tensor that so many of the output's need."""
        found: dict[str, Reached] = {self.sink.name: Reached(0, output, 1)}
        for op in reversed(self.ops):
            own = found[op.outputs[0]]
            if keeps and op.outputs[0] in self._inner:
                own = _made_anew(own, output)
            for tensor, window in zip(op.inputs, op.rows, strict=True):
                if window.stride == 0:
                    continue
                # The operators are turned: their windows' rows are columns.
                need = (
                    own.through(window.stride, window.pad_before, window.reach)
                    if along_columns
                    else own.through(window.column_stride, window.columns_before, window.column_reach)
                )
                found[tensor] = need.joined(found.get(tensor), tensor)
        return found

    def _flow(self) -> Flow:
        position = {op.outputs[0]: i for i, op in enumerate(self.ops)}
        readers: dict[str, list[Reader]] = {}
        inputs: list[tuple[str, ...]] = []
        for i, op in enumerate(self.ops):
            mine = [
                (t, w) for j, (t, w) in enumerate(zip(op.inputs, op.rows, strict=True)) if (i, j) in self.uses
            ]
            for tensor, window in mine:
                readers.setdefault(tensor, []).append(Reader(i, window))
            inputs.append(tuple(t for t, _ in mine))
        heights = [op.operator.outputs[0].shape[1] for op in self.ops]
        rows = {t: turned_tensor(self.network.tensors[t]).shape[1] for t in readers}
        return Flow(heights, inputs, {t: position.get(t) for t in readers}, readers, rows)

    def _buffer(self, tensor: str, reached: Reached, offset: int) -> RowBuffer:
        values = {r.window.pad_value for r in self.flow.readers[tensor] if r.window.pads}
        if len(values) > 1:
            raise PlanError(f"tensor {tensor} is padded with different values by its readers")
        return RowBuffer(
            tensor,
            "made" if tensor in self.made else "gathered",
            self.counts.waiting[tensor],
            self.flow.top(tensor),
            Span((reached.first,), (reached.end,)),
            self.network.tensors[tensor].shape[3],
            values.pop() if values else 0,
            offset,
        )


def _made_anew(pixels: Reached, rows: int) -> Reached:
    """Return what is made of a tensor when rows are kept: by the first run all inside it, by the others what is new."""
    new = pixels.end - rows * pixels.stride
    return replace(pixels, first=max(pixels.first, min(0, new)))


def _kept(pixels: Reached, rows: int) -> Kept | None:
    """Return what is kept of a tensor from one run to the next, None where that is nothing."""
    new = rows * pixels.stride
    if pixels.size <= new:
        return None
    begin = _made_anew(pixels, rows).first - pixels.first
    return Kept(pixels.size - new, new, -(-(pixels.size - begin) // new), begin)


def _window(pixels: Reached | None, columns: Reached | None) -> RowWindow:
    if pixels is None or columns is None:
        return RowWindow(stride=0, column_stride=0)
    return RowWindow(
        size=pixels.size,
        stride=pixels.stride,
        pad_before=-pixels.first,
        columns_before=-columns.first,
        column_stride=columns.stride,
        column_reach=columns.size,
        inside=True,
    )


def elements_of(
    network: Network, indices: Sequence[int], composites: Sequence[Composite], kept: Collection[str]
) -> tuple[OperatorDesc, ...]:
    """Return what a segment runs: operators, and composites in place of those that they are made of.

    Raises
    ------
    PlanError
        When a composite's operators are not neighbours in the segment, or cannot run as one.
    """
    begins: dict[int, Composite] = {}
    taken: set[int] = set()
    for i, composite in enumerate(composites):
        if not composite.operators:
            raise PlanError(f"composites[{i}]: a composite has two operators at least")
        first = indices.index(composite.operators[0]) if composite.operators[0] in indices else -1
        there = tuple(indices[first : first + len(composite.operators)]) if first >= 0 else ()
        if there != composite.operators:
            raise PlanError(f"composites[{i}]: its operators are not neighbours in the segment")
        if taken.intersection(composite.operators):
            raise PlanError(f"composites[{i}]: an operator is in two of them")
        taken.update(composite.operators)
        begins[composite.operators[0]] = composite
    found: list[OperatorDesc] = []
    for index in indices:
        if index in begins:
            try:
                found.append(describe_composite(network, begins[index], kept))
            except PlanError as error:
                raise PlanError(f"composites[{composites.index(begins[index])}]: {error}") from error
        elif index not in taken:
            found.append(network.operators[index])
    return tuple(found)
