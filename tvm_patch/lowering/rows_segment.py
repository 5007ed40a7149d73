"""A segment as TIR: bands, and inside a band rows made on demand through rolling buffers.

The function that this prints does what :func:`tvm_patch.planner.layout.flow.simulate` replays.  One operator and one
band is plain layer-by-layer execution; a chain in one band keeps whole halos; several bands are patches whose halo
along the rows is kept and along the columns computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import Kernel, RowKernel
from tvm_patch.kernels.base import RowReduction
from tvm_patch.kernels.c.arm.function import with_functions
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.lowering.bands import BandNumbers
from tvm_patch.lowering.narrow import flattened, narrowed
from tvm_patch.lowering.segment_parts import SegmentCode, SegmentPart, constant_names
from tvm_patch.lowering.segment_printer import SegmentPrinter
from tvm_patch.lowering.step_function import START_POINTERS, finish_pointers, row_pointers
from tvm_patch.lowering.window_loop import WindowLoop, window_loop
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


class _Rows(SegmentPrinter):
    def __init__(
        self,
        layout: RowsLayout,
        parts: Sequence[SegmentPart],
        target: Target,
        name: str,
    ) -> None:
        super().__init__(layout, parts, target, name)
        self.layout = layout
        self.values = BandNumbers(layout, parts)
        self.kernels = [self._kernel(i) for i in range(len(parts))]

    # -- kernels and their functions

    def _kernel(self, i: int) -> Kernel:
        """Return part i's kernel at the width of its widest band."""
        part, span = self.parts[i], self.layout.spans[i]
        if isinstance(part.kernel, RowReduction):
            return part.kernel
        assert isinstance(part.kernel, RowKernel)
        full = part.kernel.op.outputs[0].shape[2]
        return part.kernel if span.widest == full else narrowed(part.kernel, span.widest)

    def _dynamic(self, i: int) -> bool:
        span = self.layout.spans[i]
        widths = {e - f for f, e in zip(span.first, span.end, strict=True)}
        if isinstance(self.parts[i].kernel, RowReduction):
            return widths != {self.parts[i].kernel.op.inputs[0].shape[2]}
        return len(widths) > 1

    def build(self) -> SegmentCode:
        self.rows, self.starts, self.finishes = [], {}, {}
        if self._flat():
            return self.code(self._print_flat())
        if (loop := self._loop()) is not None:
            return self._print_loop(loop)
        for i, kernel in enumerate(self.kernels):
            assert isinstance(kernel, RowKernel | RowReduction)
            row = kernel.row_function(self._dynamic(i))
            self.rows.append(self.function(row, "row", i, row_pointers(kernel)))
            if isinstance(kernel, RowReduction):
                start, finish = kernel.start_function(), kernel.finish_function()
                self.starts[i] = self.function(start, "start", i, START_POINTERS)
                self.finishes[i] = self.function(finish, "finish", i, finish_pointers(kernel))
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
            pointers = [T.address_of(self.stored(tensor)[self._number(f"start_{tensor}") * pixel])]
            pointers += [T.address_of(self.buffers["scratch"][buffer.offset]), kernel_address]
            pointers += [self.arguments["out0"], *self.constants_of(0)]
            if loop.scratch:
                pointers.append(T.address_of(self.buffers["scratch"][self.layout.scratch_offset]))
            numbers = loop.numbers(
                self.values.windows(0)[0],
                buffer,
                height=flow.rows[tensor],
                in_bytes=self.values.width(tensor) * pixel,
                inside=self._number(f"inside_{tensor}") * pixel,
                left=self._number(f"left_{tensor}") * pixel,
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
                call += [arguments[p] for part, _, p in constant_names(self.parts) if part == i]
                call.append(arguments[f"out{len(self.layout.stored) - 1}"])
            self.call(variable, call)

    def _print(self, whole: bool) -> PrimFunc:
        with IRBuilder() as builder, T.prim_func(private=True):
            self.arguments, self.buffers, self.numbers = self.declare(self.values.varying())
            if whole:
                self._whole(self.arguments, self.buffers, self.starts)
            self._print_band()
            if whole:
                self._whole(self.arguments, self.buffers, self.finishes)
        return builder.get()

    def _number(self, name: str) -> Expr:
        return self.numbers.get(name, self.values.per_band[name][0])

    def _print_band(self) -> None:
        flow, layout = self.layout.flow, self.layout
        self.index = {t: k for k, t in enumerate(flow.readers)}
        if self.index:
            self.made = array("made", len(self.index))
        for tensor, k in self.index.items():
            T.buffer_store(self.made, T.int32(-flow.top(tensor)), [k])
        for buffer in layout.buffers.values():
            self._pad_columns(buffer)
        sink = len(self.parts) - 1
        with loop("y", 0, flow.heights[sink]) as y:
            self._demand(sink, y)
            self._run(sink, y)
        for tensor in flow.whole:
            with T.While(self.made[self.index[tensor]] < flow.rows[tensor]):
                self._make(tensor)

    def _demand(self, operator: int, row: Expr) -> None:
        """Emit the making of the rows that `operator` drives, as far as its row needs them."""
        for tensor in self.layout.flow.driven_by(operator):
            readers = [r for r in self.layout.flow.readers[tensor] if r.operator == operator]
            window = max((r.window for r in readers), key=lambda w: w.reach - w.pad_before)
            end = row * window.stride + (window.reach - window.pad_before)
            with T.While(self.made[self.index[tensor]] < end):
                self._make(tensor)

    def _make(self, tensor: str) -> None:
        """Emit the making of the next row of a tensor."""
        flow = self.layout.flow
        row = bind("row", self.made[self.index[tensor]])
        height = flow.rows[tensor]
        above = flow.top(tensor) > 0
        below = max(self.layout.counts.made_by[tensor]) > height
        inside = [c for wanted, c in ((above, row >= 0), (below, row < height)) if wanted]
        if inside:
            with T.If(tirx.all(*inside)):
                with T.Then():
                    self._bring(tensor, row)
                with T.Else():
                    self._fill_row(self.layout.buffers[tensor], row)
        else:
            self._bring(tensor, row)
        T.buffer_store(self.made, row + 1, [self.index[tensor]])

    def _bring(self, tensor: str, row: Expr) -> None:
        """Emit the making of a row that lies inside the tensor."""
        maker = self.layout.flow.maker[tensor]
        buffer = self.layout.buffers.get(tensor)
        if maker is not None:
            self._demand(maker, row)
            self._run(maker, row)
            if buffer is None or tensor not in self.layout.stored:
                return
        assert buffer is not None
        start = self._slot(buffer, row + buffer.top)
        if tensor in self.layout.fetched and self.target.prints_c:
            self.fetch(tensor, row, start + self._number(f"left_{tensor}") * buffer.pixel_bytes)
            return
        stored = self.stored(tensor)
        width = self.values.width(tensor) * buffer.pixel_bytes
        origin = row * width + self._number(f"start_{tensor}") * buffer.pixel_bytes
        to = start + self._number(f"left_{tensor}") * buffer.pixel_bytes
        self.copy(to, stored, origin, self._number(f"inside_{tensor}") * buffer.pixel_bytes)

    def _run(self, operator: int, row: Expr) -> None:
        """Emit the call of an operator's row kernel."""
        part, kernel = self.parts[operator], self.kernels[operator]
        arguments: list[Expr] = []
        for j, tensor in enumerate(part.inputs):
            window = self.values.windows(operator)[j]
            for k in range(window.size):
                arguments.append(self._row_pointer(operator, j, tensor, window, row, k))
        if self._reduces(operator):
            arguments.append(self.arguments["state"])
        else:
            arguments += self.constants_of(operator)
            if kernel.scratch_bytes:
                arguments.append(T.address_of(self.buffers["scratch"][self.layout.scratch_offset]))
            arguments.append(self._out_pointer(operator, part.output, row))
        if self._dynamic(operator):
            columns = self._number(f"columns{operator}")
            arguments.append(T.int32(columns) if isinstance(columns, int) else columns)
        self.call(self.rows[operator], arguments)
        self.report(operator)

    def _reduces(self, operator: int) -> bool:
        return isinstance(self.kernels[operator], RowReduction)

    def _row_pointer(self, operator: int, j: int, tensor: str, window: RowWindow, row: Expr, k: int) -> Expr:
        shift = self._number(f"from{operator}_{j}")
        if (operator, j) in self.layout.buffered:
            buffer = self.layout.buffers[tensor]
            line = row * window.stride + (k * window.dilation - window.pad_before + buffer.top)
            return T.address_of(self.cells(tensor)[self._slot(buffer, line) + shift * buffer.pixel_bytes])
        view = self.parts[operator].kernel.op.inputs[j]
        per_row, channels = view.size // view.shape[1], view.shape[3]
        line = row * window.stride + k * window.dilation
        return T.address_of(self.stored(tensor)[line * per_row + shift * channels])

    def _out_pointer(self, operator: int, tensor: str, row: Expr) -> Expr:
        shift = self._number(f"to{operator}")
        if tensor in self.layout.stored:
            view = self.parts[operator].kernel.op.outputs[0]
            stored = self.buffers[f"out{self.layout.stored.index(tensor)}"]
            return T.address_of(stored[row * (view.size // view.shape[1]) + shift * view.shape[3]])
        buffer = self.layout.buffers[tensor]
        start = self._slot(buffer, row + buffer.top) + shift * buffer.pixel_bytes
        return T.address_of(self.cells(tensor)[start])

    def _slot(self, buffer: RowBuffer, line: Expr) -> Expr:
        """Byte offset in the scratch of the slot of a row counted from the first row of padding."""
        if buffer.slots == 1:
            return tirx.IntImm("int32", buffer.offset)
        return buffer.offset + T.truncmod(line, buffer.slots) * buffer.slot_bytes

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
                self.fill(start, buffer.pad_value, self._number(f"left_{name}") * pixel)
            if any(right):
                begin = self._number(f"left_{name}") + self._number(f"inside_{name}")
                self.fill(start + begin * pixel, buffer.pad_value, self._number(f"right_{name}") * pixel)

    def _fill_row(self, buffer: RowBuffer, row: Expr) -> None:
        self.fill(self._slot(buffer, row + buffer.top), buffer.pad_value, buffer.line_bytes)
