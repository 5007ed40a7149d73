"""A composite laid out: the columns that it keeps while it makes some rows, and what it needs for them.

Seen from its segment a composite is one operator with scratch that makes several rows each time that it runs.  Inside,
it is a segment of the network turned by a quarter: columns are made on demand, one after the other, each as long as
the rows that are made at once ask for (Lin et al. 2021, supplement B.1, has patches instead; columns that go along a
stripe of rows compute nothing twice but the rows at its borders).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tvm_patch.errors import PlanError
from tvm_patch.graph import Operator, Tensor
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.flow import Flow, Reader, RowCounts, simulate
from tvm_patch.planner.layout.row_buffer import BUFFERED_DTYPES, RowBuffer, Span, aligned
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.turned import turned_tensor

KIND = "composite"


@dataclass(frozen=True)
class Reached:
    """What some rows and columns of a composite's output need of a tensor.

    Attributes
    ----------
    first, end : int
        The rows (or columns) that the first ones of the output need; may reach outside the tensor.
    stride : int
        How many further each row (or column) of the output needs.
    """

    first: int
    end: int
    stride: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.first

    def through(self, stride: int, before: int, reach: int) -> Reached:
        """Return what is needed of the input of an operator that makes these."""
        return Reached(
            self.first * stride - before, (self.end - 1) * stride - before + reach, self.stride * stride
        )

    def joined(self, other: Reached | None, tensor: str) -> Reached:
        """Return what two readers need of a tensor together."""
        if other is None:
            return self
        if self.stride != other.stride:
            raise PlanError(f"tensor {tensor} is read at different strides: a composite cannot do that")
        return Reached(min(self.first, other.first), max(self.end, other.end), self.stride)


@dataclass(frozen=True)
class Columns:
    """Columns of a tensor that a run makes, gathers or fills.

    Attributes
    ----------
    begin : int
        The first one; what lies before the tensor is filled.
    end : int
        One past the last one; what lies behind the tensor is filled.
    first, last : int
        The first one inside the tensor, and one past the last one inside it.
    """

    begin: int
    end: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many lie inside the tensor."""
        return self.last - self.first

    def needed(self, window: RowWindow, width: int, other: Columns | None) -> Columns:
        """Return the columns of an operator's input that these of its output are made from, and what others need."""
        begin = self.first * window.stride - window.pad_before
        end = (self.last - 1) * window.stride - window.pad_before + window.reach
        if other is not None:
            begin, end = min(begin, other.begin), max(end, other.end)
        return Columns(begin, end, max(0, begin), min(width, end))


@dataclass(frozen=True)
class CompositeLayout:
    """Everything about a composite that its code and its cost follow from.

    Attributes
    ----------
    operators : tuple of OperatorDesc
        Turned by a quarter, in run order.
    rows : int
        Rows of the output that are made at once.
    pixels : dict of str to Reached
        By tensor: the rows that a column of it has.  The output's are `rows`.
    buffers : dict of str to RowBuffer
        By tensor: the columns that are kept; what comes from outside is of source ``"gathered"``.
    buffered : frozenset of (int, int)
        Which (operator position, input) read from them; the others read broadcast operands.
    flow : Flow
        Dependencies of columns.
    counts : RowCounts
        What one run does.
    out_offset, scratch_offset : int
        Byte offsets, in the composite's scratch, of a column of the output and of the working memory that its kernels
        share; the latter is the last part.
    scratch_bytes : int
        In all.
    """

    operators: tuple[OperatorDesc, ...]
    rows: int
    pixels: Mapping[str, Reached]
    buffers: Mapping[str, RowBuffer]
    buffered: frozenset[tuple[int, int]]
    flow: Flow
    counts: RowCounts
    out_offset: int
    scratch_offset: int
    scratch_bytes: int
    _columns: dict[tuple[int, int], Mapping[str, Columns]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def output(self) -> Tensor:
        """What it makes, turned."""
        return self.operators[-1].operator.outputs[0]

    @property
    def runs(self) -> int:
        """How often it runs."""
        return -(-self.output.shape[2] // self.rows)

    def columns(self, first: int, end: int) -> Mapping[str, Columns]:
        """Return the columns of every tensor from which some of the output's are made.

        Parameters
        ----------
        first, end : int
            Columns of the output, the latter excluded.

        Raises
        ------
        PlanError
            When they depend on nothing of a tensor but its padding.
        """
        key = (first, end)
        if key not in self._columns:
            found = {self.output.name: Columns(first, end, first, end)}
            for op in reversed(self.operators):
                own = found[op.outputs[0]]
                for tensor, window in zip(op.operator.inputs, op.rows, strict=True):
                    if window.stride:
                        found[tensor.name] = own.needed(window, tensor.shape[1], found.get(tensor.name))
            for name, columns in found.items():
                if columns.count < 1:
                    raise PlanError(f"some columns depend on no more than the padding of tensor {name}")
            self._columns[key] = found
        return self._columns[key]

    def macs(self, first: int, end: int) -> int:
        """Return the multiply-accumulates of one run that makes some columns."""
        columns, total = self.columns(first, end), 0
        for op in self.operators:
            _, width, height, _ = op.operator.outputs[0].shape
            name = op.outputs[0]
            total += op.macs * columns[name].count * self.pixels[name].size // (height * width)
        return total


@dataclass(frozen=True)
class CompositeDesc(OperatorDesc):
    """A composite as its segment sees it: an operator that makes several rows at once.

    Attributes
    ----------
    layout : CompositeLayout
    """

    layout: CompositeLayout | None = None

    @property
    def laid_out(self) -> CompositeLayout:
        """The layout."""
        assert self.layout is not None
        return self.layout


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
    return Chain(network, composite.operators, kept).of_rows(composite.rows)


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

    def of_rows(self, rows: int) -> CompositeDesc:
        """Return the composite that makes so many rows at once, as one operator.

        Raises
        ------
        PlanError
            When it cannot be.
        """
        if not 1 <= rows <= self.sink.shape[1]:
            raise PlanError(f"{rows} rows at once do not fit the {self.sink.shape[1]} of {self.sink.name}")
        pixels = self._reached(rows, along_columns=False)
        self._check_inside(pixels, rows)
        buffers, offset = {}, 0
        for tensor in self.flow.readers:
            buffers[tensor] = self._buffer(tensor, pixels[tensor], offset)
            offset += aligned(buffers[tensor].nbytes)
        scratch = offset + aligned(rows * self.sink.shape[3])
        layout = CompositeLayout(
            self.ops,
            rows,
            pixels,
            buffers,
            self.uses,
            self.flow,
            self.counts,
            offset,
            scratch,
            scratch + aligned(max(op.scratch_bytes for op in self.ops)),
        )
        return CompositeDesc(
            index=self.plain[-1].index,
            operator=Operator(
                KIND, self.plain[-1].name, tuple(self.network.tensors[t] for t in self.outside), (self.sink,)
            ),
            macs=layout.macs(0, self.sink.shape[2]) * layout.runs,
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
                if broadcast and (tensor in self.made or window.column_stride):
                    raise PlanError(f"tensor {tensor} is broadcast: it must be whole before its reader runs")
                if not broadcast:
                    uses.add((i, j))
        for tensor in {self.ops[i].inputs[j] for i, j in uses}:
            if self.network.tensors[tensor].dtype not in BUFFERED_DTYPES:
                dtype = self.network.tensors[tensor].dtype
                raise PlanError(f"tensor {tensor} is {dtype}: columns hold bytes only")
        return frozenset(uses), tuple(outside)

    def _reached(self, output: int, *, along_columns: bool) -> dict[str, Reached]:
        """Return the rows (or columns) of every tensor that so many of the output's need."""
        found: dict[str, Reached] = {self.sink.name: Reached(0, output, 1)}
        for op in reversed(self.ops):
            own = found[op.outputs[0]]
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


def columns_read(op: OperatorDesc, tensor: str, window: RowWindow, own: Span) -> Span:
    """Return the columns of an input, by band, that an element reads when it makes some of its output.

    Parameters
    ----------
    op : OperatorDesc
        An operator or a composite.
    tensor : str
        The input.
    window : RowWindow
        How it is read.
    own : Span
        Columns of the output.
    """
    if not isinstance(op, CompositeDesc) or not window.stride:
        return own.needs(window)
    read = [op.laid_out.columns(f, e)[tensor] for f, e in zip(own.first, own.end, strict=True)]
    return Span(tuple(c.first for c in read), tuple(c.last for c in read))


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
