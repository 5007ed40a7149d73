"""The function of a composite: some rows of its output, column after column, from rows that its segment holds.

What it does is :class:`tvm_patch.planner.layout.composite.CompositeLayout`; it is a segment of operators turned by a
quarter, whose rows are columns of the network.
"""

from __future__ import annotations

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.narrow import narrowed
from tvm_patch.lowering.demand import Demand
from tvm_patch.lowering.row_places import RowPlaces
from tvm_patch.lowering.step_function import row_pointers
from tvm_patch.planner.layout.composite import CompositeDesc
from tvm_patch.tvm_types import Buffer, Expr, GlobalVar, PrimFunc

ROW = "row"
"""The function's first number: the first of the rows that it makes."""


def composite_function(rows: RowPlaces, element: int, first: int) -> GlobalVar:
    """Add the function of a composite, and those of its kernels, to a segment's; return its name.

    It takes all pointers that the segment takes, then the first row to make, then the numbers that differ from band to
    band.

    Parameters
    ----------
    rows : RowPlaces
        Prints the segment.
    element : int
        Which of its elements.
    first : int
        Position in the segment of the composite's first operator.
    """
    return _Composite(rows, element, first).build()


class _Composite(Demand):
    def __init__(self, rows: RowPlaces, element: int, first: int) -> None:
        described = rows.layout.elements[element]
        assert isinstance(described, CompositeDesc)
        self.desc, self.layout = described, described.laid_out
        super().__init__(self.layout.flow, self.layout.counts)
        self.rows, self.element, self.part = rows, element, first
        self.parts = rows.elements[element]
        self.base = rows.layout.scratch_offset
        operators = [op.operator for op in self.layout.operators]
        # They are turned: columns first.
        self.heights = {t.name: t.shape[2] for op in operators for t in (*op.inputs, *op.outputs)}
        self.kernels = [self._kernel(i) for i in range(len(self.parts))]

    def _kernel(self, i: int) -> RowKernel:
        """Return a kernel for as many pixels as a column has."""
        kernel = self.parts[i].kernel
        assert isinstance(kernel, RowKernel)
        return narrowed(kernel, self.layout.made(self.parts[i].output))

    def build(self) -> GlobalVar:
        self.functions = [
            self.rows.function(k.row_function(), "row", self.part + i, row_pointers(k))
            for i, k in enumerate(self.kernels)
        ]
        return self.rows.function(self._print(), "composite", self.part + len(self.parts) - 1)

    def first(self, tensor: str) -> Expr:
        """Return the first column of a tensor that is made, gathered or filled."""
        first = self.rows.number(f"begin{self.element}_{tensor}")
        return T.int32(first) if isinstance(first, int) else first

    def _print(self) -> PrimFunc:
        layout, sink = self.layout, len(self.parts) - 1
        with IRBuilder() as builder, T.prim_func(private=True):
            declared = self.rows.declare([ROW, *self.rows.values.varying()])
            self.rows.arguments, self.rows.buffers, self.rows.numbers = declared
            numbers = self.rows.numbers
            self.row = numbers[ROW]
            self.begin()
            self.ranges = {t: self._range(t) for t in layout.buffers}
            self.lines = {t: self._lines(t) for t, b in layout.buffers.items() if b.source == "gathered"}
            out = layout.output.name
            height = self.rows.tensors[out].shape[1]
            count = (
                layout.rows
                if height % layout.rows == 0
                else bind("rows", T.min(T.int32(layout.rows), height - self.row))
            )
            stored = out in self.rows.layout.stored
            begin, end = (self.rows.number(f"{name}{self.element}") for name in ("first", "end"))
            with loop("x", begin, end) as x:
                self.demand(sink, x)
                self._run(sink, x)
                channels = self.rows.tensors[out].shape[3]
                with loop("r", 0, count) as r:
                    cells, start = self.rows.row_of(out, self.row + r, buffered=not stored)
                    shift = T.int32(0) if stored else 0 - self.rows.number(f"first_{out}")
                    origin = self.base + layout.out_offset + r * channels
                    self.rows.move(
                        cells, start + (x + shift) * channels, self.rows.cells(out), origin, channels
                    )
        return builder.get()

    def _range(self, tensor: str) -> tuple[Expr, Expr]:
        """Emit which pixels of a column lie inside a tensor; return the first and one past the last."""
        reached, height = self.layout.pixels[tensor], self.heights[tensor]
        last = (self.layout.runs - 1) * self.layout.rows * reached.stride
        at = self.row * reached.stride + reached.first
        low: Expr = T.int32(0)
        high: Expr = T.int32(reached.size)
        if reached.first < 0:
            low = bind("low", T.max(T.int32(0), 0 - at))
        if last + reached.end > height:
            high = bind("high", T.min(T.int32(reached.size), height - at))
        return low, high

    def _lines(self, tensor: str) -> Buffer:
        """Emit where the rows lie from which a tensor's columns are gathered, as indices of its array."""
        reached = self.layout.pixels[tensor]
        low, high = self.ranges[tensor]
        lines = array("lines", reached.size)
        with loop("r", low, high) as r:
            _, start = self._source(tensor, self.row * reached.stride + r, reached.first)
            T.buffer_store(lines, start, [r])
        return lines

    def _source(self, tensor: str, row: Expr, more: int) -> tuple[Buffer, Expr]:
        """Return where a row of what the composite reads lies."""
        j = self.desc.inputs.index(tensor)
        buffered = (self.element, j) in self.rows.layout.buffered
        cells, start = self.rows.row_of(tensor, row, more, buffered=buffered)
        if buffered:
            channels = self.rows.tensors[tensor].shape[3]
            start = start - self.rows.number(f"first_{tensor}") * channels
        return cells, start

    def bring(self, tensor: str, row: Expr) -> None:
        """Emit the making of a column, or its gathering."""
        maker, buffer = self.flow.maker[tensor], self.layout.buffers[tensor]
        slot = self._slot(tensor, row)
        low, high = self.ranges[tensor]
        channels = buffer.pixel_bytes
        if maker is None:
            cells, _ = self._source(tensor, T.int32(0), 0)
            with loop("r", low, high) as r:
                to, origin = slot + r * channels, self.lines[tensor][r] + row * channels
                self.rows.move(self.rows.cells(tensor), to, cells, origin, channels)
        else:
            self.demand(maker, row)
            if tensor in self.layout.kept:
                self._make_anew(maker, tensor, row, slot)
            else:
                self._run(maker, row)
        if any(r.window.pads for r in self.flow.readers[tensor]):
            self._pad_pixels(tensor, slot, low, high)
        if tensor in self.layout.kept:
            kept, size = self.layout.kept[tensor].rows, self.layout.pixels[tensor].size
            origin = slot + (size - kept) * channels
            scratch = self.rows.cells(tensor)
            self.rows.move(scratch, self._store(tensor, row), scratch, origin, kept * channels)

    def _store(self, tensor: str, column: Expr) -> Expr:
        """Return where rows of a column are kept."""
        store = self.rows.layout.stores[tensor]
        at = column - self.rows.number(f"kept{self.element}_{tensor}")
        return store.offset + at * store.column_bytes

    def _make_anew(self, maker: int, tensor: str, column: Expr, slot: Expr) -> None:
        """Emit the making of a column of which the run before has kept some rows; the first run makes all of them."""
        kept, size = self.layout.kept[tensor], self.layout.pixels[tensor].size
        channels, scratch = self.layout.buffers[tensor].pixel_bytes, self.rows.cells(tensor)
        with T.If(self.row > 0), T.Then():
            self.rows.move(scratch, slot, scratch, self._store(tensor, column), kept.rows * channels)
        if kept.calls == 1:
            self._run(maker, column, T.int32(size - kept.new))
            return
        calls = bind("calls", tirx.Select(self.row > 0, T.int32(1), T.int32(kept.calls)))
        with loop("call", 0, calls) as call:
            first = bind("first", T.max(T.int32(kept.begin), (size - kept.new) - call * kept.new))
            self._run(maker, column, first)

    def _pad_pixels(self, tensor: str, slot: Expr, low: Expr, high: Expr) -> None:
        """Emit the filling of the pixels of a column that lie outside its tensor."""
        buffer, size = self.layout.buffers[tensor], self.layout.pixels[tensor].size
        channels = buffer.pixel_bytes
        if not isinstance(low, tirx.IntImm):
            with T.If(low > 0), T.Then():
                self.rows.fill(slot, buffer.pad_value, low * channels)
        if not isinstance(high, tirx.IntImm):
            with T.If(high < size), T.Then():
                self.rows.fill(slot + high * channels, buffer.pad_value, (size - high) * channels)

    def pad(self, tensor: str, row: Expr) -> None:
        """Emit the filling of a column that lies outside its tensor."""
        buffer = self.layout.buffers[tensor]
        self.rows.fill(self._slot(tensor, row), buffer.pad_value, buffer.line_bytes)

    def _slot(self, tensor: str, column: Expr, more: int = 0) -> Expr:
        buffer = self.layout.buffers[tensor]
        return self.base + self.rows.slot(buffer, column + (more + buffer.top))

    def _run(self, i: int, column: Expr, first: Expr | None = None) -> None:
        """Emit the call that makes a column of one of the operators, or its pixels from one on."""
        part, kernel = self.parts[i], self.kernels[i]
        arguments: list[Expr] = []
        for j, tensor in enumerate(part.inputs):
            window = self.layout.operators[i].rows[j]
            if (i, j) not in self.layout.buffered:
                arguments.append(T.address_of(self.rows.stored(tensor)[0]))
                continue
            shift: Expr = T.int32(self._shift(i, j, tensor))
            if first is not None:
                shift = shift + first * (window.column_stride * self.layout.buffers[tensor].pixel_bytes)
            for k in range(window.size):
                slot = self._slot(tensor, column * window.stride, k * window.dilation - window.pad_before)
                arguments.append(T.address_of(self.rows.cells(tensor)[slot + shift]))
        arguments += self.rows.constants_of(self.part + i)
        if kernel.scratch_bytes:
            arguments.append(
                T.address_of(self.rows.buffers["scratch"][self.base + self.layout.scratch_offset])
            )
        if i == len(self.parts) - 1:
            to: Expr = T.int32(self.base + self.layout.out_offset)
        else:
            to = self._slot(part.output, column)
            if first is not None:
                to = to + first * self.layout.buffers[part.output].pixel_bytes
        arguments.append(T.address_of(self.rows.cells(part.output)[to]))
        self.rows.call(self.functions[i], arguments)
        self.rows.report(self.part + i)

    def _shift(self, i: int, j: int, tensor: str) -> int:
        """Return the bytes from the first pixel of a column to the first that an operator reads."""
        window, own = self.layout.operators[i].rows[j], self.layout.pixels[self.parts[i].output]
        need = own.through(window.column_stride, window.columns_before, window.column_reach)
        buffer = self.layout.buffers[tensor]
        return (need.first - self.layout.pixels[tensor].first) * buffer.pixel_bytes
