"""A composite laid out: the columns that it keeps while it makes some rows, and what it needs for them.

Seen from its segment a composite is one operator with scratch that makes several rows each time that it runs.  Inside,
it is a segment of the network turned by a quarter: columns are made on demand, one after the other, each as long as
the rows that are made at once ask for (Lin et al. 2021, supplement B.1, has patches instead; columns that go along a
stripe of rows compute nothing twice but the rows at its borders).  Those can be kept from one run to the next instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tvm_patch.errors import PlanError
from tvm_patch.graph import Tensor
from tvm_patch.planner.layout.flow import Flow, RowCounts
from tvm_patch.planner.layout.row_buffer import RowBuffer, Span
from tvm_patch.planner.network import OperatorDesc
from tvm_patch.planner.row_window import RowWindow


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
class Kept:
    """What a composite keeps, from one run to the next, of a tensor that it makes.

    Attributes
    ----------
    rows : int
        Pixels of each column that the next run needs again; they are kept.
    new : int
        Pixels of each column that a run makes: those that the run before did not.
    calls : int
        How often that many are made for each column of the first run, for which nothing was made before.
    begin : int
        The first pixel of a column that the first run makes; those before it are padding.
    """

    rows: int
    new: int
    calls: int
    begin: int


@dataclass(frozen=True)
class Store:
    """Where a composite keeps rows of a tensor from one run to the next: column after column, or row after row.

    Attributes
    ----------
    tensor : str
    rows : int
        Pixels of each column.
    span : Span
        Columns, by band.
    pixel_bytes : int
    offset : int
        Byte offset in the segment's scratch.
    shared : int
        Columns that the padding at the end of a row and at the start of the next have in common.
    """

    tensor: str
    rows: int
    span: Span
    pixel_bytes: int
    offset: int = 0
    shared: int = 0

    @property
    def column_bytes(self) -> int:
        """Bytes of a column."""
        return self.rows * self.pixel_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes from one row to the next."""
        return (self.span.widest - self.shared) * self.pixel_bytes

    @property
    def nbytes(self) -> int:
        """Bytes in all."""
        return self.rows * self.row_bytes + self.shared * self.pixel_bytes


class Columns(NamedTuple):
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
    def width(self) -> int:
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
    kept : dict of str to Kept
        By tensor: what is kept of it from one run to the next.
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
    known_columns : dict
        What :meth:`columns` has found, whatever number of rows is made at once.
    """

    operators: tuple[OperatorDesc, ...]
    rows: int
    pixels: Mapping[str, Reached]
    kept: Mapping[str, Kept]
    buffers: Mapping[str, RowBuffer]
    buffered: frozenset[tuple[int, int]]
    flow: Flow
    counts: RowCounts
    out_offset: int
    scratch_offset: int
    scratch_bytes: int
    known_columns: dict[tuple[int, int], Mapping[str, Columns]] = field(compare=False, repr=False)

    @property
    def output(self) -> Tensor:
        """What it makes, turned."""
        return self.operators[-1].operator.outputs[0]

    @property
    def runs(self) -> int:
        """How often it runs."""
        return -(-self.output.shape[2] // self.rows)

    @property
    def running(self) -> tuple[OperatorDesc, ...]:
        """The operators as they run."""
        return self.operators

    @property
    def out_bytes(self) -> int:
        """Bytes of the output that it holds: a column."""
        return self.rows * self.output.shape[3]

    @cached_property
    def heights(self) -> Mapping[str, int]:
        """Rows of every tensor, as the network has it."""
        return {
            t.name: t.shape[2] for op in self.operators for t in (*op.operator.inputs, *op.operator.outputs)
        }

    @cached_property
    def widths(self) -> Mapping[str, int]:
        """Columns of every tensor, as the network has it."""
        return {
            t.name: t.shape[1] for op in self.operators for t in (*op.operator.inputs, *op.operator.outputs)
        }

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
        if key not in self.known_columns:
            found = {self.output.name: Columns(first, end, first, end)}
            for op in reversed(self.operators):
                own = found[op.outputs[0]]
                for tensor, window in zip(op.operator.inputs, op.rows, strict=True):
                    if window.stride:
                        found[tensor.name] = own.needed(window, tensor.shape[1], found.get(tensor.name))
            for name, columns in found.items():
                if columns.width < 1:
                    raise PlanError(f"some columns depend on no more than the padding of tensor {name}")
            self.known_columns[key] = found
        return self.known_columns[key]

    def counted(self, first: int, end: int) -> Mapping[str, int]:
        """Return how often what takes time happens in a run that makes some columns: a column, by tensor."""
        return {name: columns.width for name, columns in self.columns(first, end).items()}

    def macs(self, first: int, end: int) -> int:
        """Return the multiply-accumulates of one run that makes some columns."""
        return self._row_macs(first, end, {op.outputs[0]: self.made(op.outputs[0]) for op in self.operators})

    def first_macs(self, first: int, end: int) -> int:
        """Return the multiply-accumulates that the first run does more than the others."""
        more = {name: (kept.calls - 1) * kept.new for name, kept in self.kept.items()}
        return self._row_macs(first, end, more)

    def made(self, tensor: str) -> int:
        """Return the pixels of a column that are made at once."""
        return self.kept[tensor].new if tensor in self.kept else self.pixels[tensor].size

    def _row_macs(self, first: int, end: int, rows: Mapping[str, int]) -> int:
        """Return the multiply-accumulates of so many rows of each tensor."""
        columns, total = self.columns(first, end), 0
        for op in self.operators:
            _, width, height, _ = op.operator.outputs[0].shape
            name = op.outputs[0]
            total += op.macs * columns[name].width * rows.get(name, 0) // (height * width)
        return total

    def stores(self, bands: Sequence[tuple[int, int]]) -> list[Store]:
        """Return what keeps rows from one run to the next.

        Parameters
        ----------
        bands : sequence of (int, int)
            Columns of the output, by band.
        """
        read = [self.columns(*band) for band in bands]
        found = []
        for name, kept in self.kept.items():
            span = Span(tuple(c[name].first for c in read), tuple(c[name].last for c in read))
            found.append(Store(name, kept.rows, span, self.buffers[name].pixel_bytes))
        return found


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
