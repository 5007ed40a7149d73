"""A segment as TIR: bands, and inside a band rows made on demand through rolling buffers.

The function that this prints does what :func:`tvm_patch.planner.layout.flow.simulate` replays.  One operator and one
band is plain layer-by-layer execution; a chain in one band keeps whole halos; several bands are patches whose halo
along the rows is kept and along the columns computed again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import Kernel, RowKernel
from tvm_patch.kernels.base import RowReduction
from tvm_patch.kernels.c.arm.function import with_functions
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.named import array, loop
from tvm_patch.kernels.narrow import flattened, narrowed
from tvm_patch.lowering.composite import function_of_composite
from tvm_patch.lowering.demand import Demand
from tvm_patch.lowering.row_places import RowPlaces
from tvm_patch.lowering.segment_parts import SegmentCode, SegmentPart, constant_names
from tvm_patch.lowering.step_function import START_POINTERS, finish_pointers, row_pointers
from tvm_patch.lowering.window_loop import WindowLoop, window_loop
from tvm_patch.lowering.window_rows import begin_of
from tvm_patch.planner.layout.row_buffer import RowBuffer
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.targets import Target
from tvm_patch.tvm_types import Buffer, Expr, GlobalVar, PrimFunc, Var


def lower_rows(
    layout: RowsLayout,
    parts: Sequence[SegmentPart],
    target: Target,
    name: str,
) -> SegmentCode:
    """Generate the TIR; parameters as for :func:`tvm_patch.lowering.printers.lower_segment`.

    Returns
    -------
    SegmentCode
        The entry's parameters are ``in{i}`` for each source, ``fetched{i}`` for each fetched input, the constants,
        ``scratch`` when there is any, ``state`` (accumulators, within the scratch) for a reduction, ``out{i}`` for
        each stored tensor.  Where C is printed an operator is reported after each of its rows.
    """
    return _Rows(layout, parts, target, name).build()


class _Rows(RowPlaces):
    def __init__(
        self,
        layout: RowsLayout,
        parts: Sequence[SegmentPart],
        target: Target,
        name: str,
    ) -> None:
        super().__init__(layout, parts, target, name)
        self.kernels = [None if len(e) > 1 else self._kernel(i, e[0]) for i, e in enumerate(self.elements)]

    # -- kernels and their functions

    def _kernel(self, i: int, part: SegmentPart) -> Kernel:
        """Return the kernel of an element that is one operator, at the width of its widest band."""
        span = self.layout.spans[i]
        if isinstance(part.kernel, RowReduction):
            return part.kernel
        assert isinstance(part.kernel, RowKernel)
        full = part.kernel.op.outputs[0].shape[2]
        return part.kernel if span.widest == full else narrowed(part.kernel, span.widest)

    def _dynamic(self, i: int) -> bool:
        span, (part, *_) = self.layout.spans[i], self.elements[i]
        widths = {e - f for f, e in zip(span.first, span.end, strict=True)}
        if isinstance(part.kernel, RowReduction):
            return widths != {part.kernel.op.inputs[0].shape[2]}
        return len(widths) > 1

    def build(self) -> SegmentCode:
        self.rows, self.starts, self.finishes = [], {}, {}
        if self._flat():
            return self.code(self._print_flat())
        if (loop := self._loop()) is not None:
            return self._print_loop(loop)
        for i, (kernel, parts) in enumerate(zip(self.kernels, self.elements, strict=True)):
            first = self.parts.index(parts[0])
            if kernel is None:
                self.rows.append(function_of_composite(self, i, first))
                continue
            assert isinstance(kernel, RowKernel | RowReduction)
            row = kernel.row_function(self._dynamic(i))
            self.rows.append(self.function(row, "row", first, row_pointers(kernel)))
            if isinstance(kernel, RowReduction):
                start, finish = kernel.start_function(), kernel.finish_function()
                self.starts[first] = self.function(start, "start", first, START_POINTERS)
                self.finishes[first] = self.function(finish, "finish", first, finish_pointers(kernel))
        if self.layout.bands == 1:
            return self.code(self._print(whole=True))
        self.band = self.function(self._print(whole=False), "band")
        return self.code(self._print_bands())

    def _flat(self) -> bool:
        """Tell whether one call makes all rows: a single operator over whole tensors, printed as C."""
        kernel, layout = self.kernels[0], self.layout
        alone = len(self.kernels) == 1 and layout.bands == 1 and not layout.buffers and not layout.fetched
        return self.target.prints_c and alone and isinstance(kernel, RowKernel) and kernel.flat

    def _loop(self) -> WindowLoop | None:
        """Return the shared loop for a single operator that reads one stored tensor through a ring."""
        kernel, layout = self.kernels[0], self.layout
        alone = self.target.prints_c and len(self.kernels) == layout.bands == len(layout.buffers) == 1
        if not alone or not isinstance(kernel, RowKernel) or len(kernel.op.inputs) != 1 or layout.fetched:
            return None
        if kernel.numbered or kernel.windows[0].inside or kernel.windows[0].divisor > 1:
            return None
        kinds = {v.dtype for v in (*kernel.op.inputs, *kernel.op.outputs)}
        loop = WindowLoop(
            kernel.windows[0].size,
            tuple(str(a.dtype) for a in kernel.constants.values()),
            kernel.scratch_bytes > 0,
        )
        return loop if kinds == {"int8"} and loop.possible else None

    # -- printing

    def _print_loop(self, loop: WindowLoop) -> SegmentCode:
        """Return the code of an operator whose rows the shared loop makes."""
        (part,), (kernel,), (buffer,) = self.parts, self.kernels, self.layout.buffers.values()
        assert isinstance(kernel, RowKernel)
        function, view = window_loop(loop), kernel.op.outputs[0]
        tensor, flow = part.inputs[0], self.layout.flow
        row = self.function(kernel.row_function(), "row", 0, row_pointers(kernel))
        with IRBuilder() as builder, T.prim_func(private=True):
            kernel_address = T.arg(row.name_hint, T.handle())
            self.arguments, self.buffers, self.numbers = self.declare(())
            pixel = buffer.pixel_bytes
            pointers = [T.address_of(self.stored(tensor)[self.number(f"start_{tensor}") * pixel])]
            pointers += [T.address_of(self.buffers["scratch"][buffer.offset]), kernel_address]
            pointers += [self.arguments["out0"], *self.constants_of(0)]
            if loop.scratch:
                pointers.append(T.address_of(self.buffers["scratch"][self.layout.scratch_offset]))
            numbers = loop.numbers(
                self.values.windows(0)[0],
                buffer,
                height=flow.rows[tensor],
                in_bytes=self.values.width(tensor) * pixel,
                inside=self.number(f"inside_{tensor}") * pixel,
                left=self.number(f"left_{tensor}") * pixel,
                rows=view.shape[1],
                row=view.size // view.shape[1],
            )
            T.evaluate(call("int32", function.name, *pointers, *numbers))
        return self.code(with_functions(builder.get(), [function]), ["function", *self.accesses()])

    def _print_flat(self) -> PrimFunc:
        """Print the entry of an operator whose rows are one."""
        (part,), (kernel,) = self.parts, self.kernels
        assert isinstance(kernel, RowKernel)
        flat = flattened(kernel)
        row = self.function(flat.row_function(), "row", 0, row_pointers(flat))
        with IRBuilder() as builder, T.prim_func(private=True):
            self.arguments, self.buffers, _ = self.declare(())
            pointers = [T.address_of(self.stored(t)[0]) for t in part.inputs] + self.constants_of(0)
            if kernel.scratch_bytes:
                pointers.append(T.address_of(self.buffers["scratch"][self.layout.scratch_offset]))
            self.call(row, [*pointers, T.address_of(self.stored(part.output)[0])])
        return builder.get()

    def _print_bands(self) -> PrimFunc:
        """Print the entry of a segment with bands: one call a band."""
        with IRBuilder() as builder, T.prim_func(private=True):
            arguments, buffers, _ = self.declare(())
            self._whole(arguments, buffers, self.starts)
            for band in range(self.layout.bands):
                numbers = [T.int32(self.values.per_band[n][band]) for n in self.values.varying()]
                self.call(self.band, [*arguments.values(), *numbers])
            self._whole(arguments, buffers, self.finishes)
        return builder.get()

    def _whole(
        self, arguments: Mapping[str, Var], buffers: Mapping[str, Buffer], functions: Mapping[int, GlobalVar]
    ) -> None:
        """Emit what happens once for the whole segment: start or finish of a reduction."""
        for i, variable in functions.items():
            call: list[Expr] = [arguments["state"]]
            if variable in self.finishes.values():
                kernel = self.parts[i].kernel
                assert isinstance(kernel, RowReduction)
                call += self._constants(i, set(kernel.constants) - set(kernel.row_constants), arguments)
                call.append(arguments[f"out{len(self.layout.stored) - 1}"])
            self.call(variable, call)

    def _constants(self, i: int, wanted: Collection[str], arguments: Mapping[str, Var]) -> list[Var]:
        """Return the arguments for some constants of an operator."""
        return [arguments[p] for part, name, p in constant_names(self.parts) if part == i and name in wanted]

    def _print(self, whole: bool) -> PrimFunc:
        with IRBuilder() as builder, T.prim_func(private=True):
            self.arguments, self.buffers, self.numbers = self.declare(self.values.varying())
            if whole:
                self._whole(self.arguments, self.buffers, self.starts)
            self._print_band()
            if whole:
                self._whole(self.arguments, self.buffers, self.finishes)
        return builder.get()

    def _print_band(self) -> None:
        flow, layout = self.layout.flow, self.layout
        demand = _RowDemand(self)
        demand.begin()
        for buffer in layout.buffers.values():
            self._pad_columns(buffer)
        sink = len(self.elements) - 1
        step = flow.step(sink)
        with loop("y", 0, -(-flow.heights[sink] // step)) as y:
            demand.demand(sink, y * step)
            self.run(sink, y * step)
        demand.finish()

    def load(self, tensor: str, row: Expr) -> None:
        """Emit the copying of a stored (or fetched) row to its row buffer."""
        buffer = self.layout.buffers[tensor]
        start = self.slot(buffer, row + buffer.top)
        to = start + self.number(f"left_{tensor}") * buffer.pixel_bytes
        if tensor in self.layout.fetched and self.target.prints_c:
            self.fetch(tensor, row, to)
            return
        width = self.values.width(tensor) * buffer.pixel_bytes
        origin = row * width + self.number(f"start_{tensor}") * buffer.pixel_bytes
        self.copy(to, self.stored(tensor), origin, self.number(f"inside_{tensor}") * buffer.pixel_bytes)

    def run(self, element: int, row: Expr) -> None:
        """Emit the call that makes a row of an element, or the rows from `row` on that it makes at once."""
        kernel, (part, *_) = self.kernels[element], self.elements[element]
        if kernel is None:
            numbers = [self.numbers[name] for name in self.values.varying()]
            self.call(self.rows[element], [*self.arguments.values(), row, *numbers])
            return
        arguments: list[Expr] = []
        for j, tensor in enumerate(part.inputs):
            window = self.values.windows(element)[j]
            for k in range(window.size):
                arguments.append(self._row_pointer(element, j, tensor, window, row, k))
        if isinstance(kernel, RowReduction):
            arguments += self._constants(self.parts.index(part), kernel.row_constants, self.arguments)
            arguments.append(self.arguments["state"])
            arguments += [row] if kernel.positioned else []
        else:
            assert isinstance(kernel, RowKernel)
            arguments += self.constants_of(self.parts.index(part))
            if kernel.scratch_bytes:
                arguments.append(T.address_of(self.buffers["scratch"][self.layout.scratch_offset]))
            arguments.append(self._out_pointer(element, part.output, row))
            if kernel.numbered:
                arguments.append(_variable(row))
        if self._dynamic(element):
            columns = self.number(f"columns{element}")
            arguments.append(T.int32(columns) if isinstance(columns, int) else columns)
        self.call(self.rows[element], arguments)
        self.report(self.parts.index(part))

    def _row_pointer(self, element: int, j: int, tensor: str, window: RowWindow, row: Expr, k: int) -> Expr:
        shift = self.number(f"from{element}_{j}")
        buffered = (element, j) in self.layout.buffered
        more = k * window.dilation - window.pad_before
        begin = begin_of(window, row)
        if window.inside:
            begin, more = self._inside(element, tensor, window, begin, more), 0
        cells, start = self.row_of(tensor, begin, more, buffered=buffered)
        return T.address_of(cells[start + shift * self.tensors[tensor].shape[3]])

    def _inside(self, element: int, tensor: str, window: RowWindow, begin: Expr, more: int) -> Expr:
        """Return the row of a tensor that is nearest to row ``begin + more``."""
        height, rows = self.tensors[tensor].shape[1], self.layout.flow.heights[element]
        row = begin + more
        if window.first_row(0) + window.pad_before + more < 0:
            row = T.max(row, T.int32(0))
        if window.first_row(rows - 1) + window.pad_before + more >= height:
            row = T.min(row, T.int32(height - 1))
        return row

    def _out_pointer(self, element: int, tensor: str, row: Expr) -> Expr:
        cells, start = self.row_of(tensor, row, buffered=tensor not in self.layout.stored)
        return T.address_of(cells[start + self.number(f"to{element}") * self.tensors[tensor].shape[3]])

    # -- filling

    def _pad_columns(self, buffer: RowBuffer) -> None:
        """Emit the filling of the padding columns of every slot."""
        name, pixel = buffer.tensor, buffer.pixel_bytes
        left, right = self.values.per_band[f"left_{name}"], self.values.per_band[f"right_{name}"]
        if not any(left) and not any(right):
            return
        with loop("slot", 0, buffer.slots) as slot:
            start = buffer.offset + slot * buffer.slot_bytes
            if any(left):
                self.fill(start, buffer.pad_value, self.number(f"left_{name}") * pixel)
            if any(right):
                begin = self.number(f"left_{name}") + self.number(f"inside_{name}")
                self.fill(start + begin * pixel, buffer.pad_value, self.number(f"right_{name}") * pixel)

    def pad(self, tensor: str, row: Expr) -> None:
        """Emit the filling of a row outside its tensor."""
        buffer = self.layout.buffers[tensor]
        self.fill(self.slot(buffer, row + buffer.top), buffer.pad_value, buffer.line_bytes)


def _variable(row: Expr) -> Expr:
    """Emit a variable with the number of a row.

    Where functions are inlined, TVM joins common terms of what is computed from a row and of the addresses above, and
    would define them below the addresses; of what a variable holds it joins none.
    """
    number = array("number", 1)
    T.buffer_store(number, row, [0])
    return number[0]


class _RowDemand(Demand):
    """The demands of a segment's band."""

    def __init__(self, rows: _Rows) -> None:
        super().__init__(rows.layout.flow, rows.layout.counts)
        self.rows = rows

    def bring(self, tensor: str, row: Expr) -> None:
        """Emit the making (or loading) of a row, or of several where they are made together."""
        maker, layout = self.flow.maker[tensor], self.rows.layout
        if maker is None:
            self.rows.load(tensor, row)
            return
        self.demand(maker, row)
        self.rows.run(maker, row)
        if tensor in layout.buffers and tensor in layout.stored:
            step = self.flow.step(maker)
            if step == 1:
                self.rows.load(tensor, row)
                return
            with loop("made", row, T.min(row + step, T.int32(self.flow.rows[tensor]))) as made:
                self.rows.load(tensor, made)

    def pad(self, tensor: str, row: Expr) -> None:
        """Emit the filling of a row that lies outside its tensor."""
        self.rows.pad(tensor, row)
