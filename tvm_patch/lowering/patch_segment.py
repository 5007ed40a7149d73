"""A patched segment as TIR: for every patch, one operator after another on whole regions.

What it does follows from :class:`tvm_patch.planner.layout.patches.PatchLayout`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.errors import InternalError
from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.named import loop
from tvm_patch.kernels.narrow import narrowed
from tvm_patch.lowering.patch_numbers import PatchNumbers
from tvm_patch.lowering.segment_parts import SegmentCode, SegmentPart
from tvm_patch.lowering.segment_printer import SegmentPrinter
from tvm_patch.lowering.step_function import row_pointers
from tvm_patch.lowering.window_rows import begin_of
from tvm_patch.planner.layout.patches import PatchLayout, RegionBuffer
from tvm_patch.targets import Target
from tvm_patch.tvm_types import Expr, PrimFunc


def lower_patches(
    layout: PatchLayout,
    parts: Sequence[SegmentPart],
    target: Target,
    name: str,
) -> SegmentCode:
    """Generate the TIR of a patched segment; parameters as for :func:`tvm_patch.lowering.printers.lower_segment`.

    Where C is printed an operator is reported once a patch.
    """
    return _Patches(layout, parts, target, name).build()


class _Patches(SegmentPrinter):
    def __init__(
        self,
        layout: PatchLayout,
        parts: Sequence[SegmentPart],
        target: Target,
        name: str,
    ) -> None:
        super().__init__(layout, parts, target, name)
        self.layout = layout
        self.values = PatchNumbers(layout, {t: v.shape[:3] for t, v in self.views().items()})
        self.kernels = [self._kernel(i) for i in range(len(parts))]

    def _kernel(self, i: int) -> RowKernel:
        kernel, widest = self.parts[i].kernel, self.layout.regions[i].columns.widest
        if not isinstance(kernel, RowKernel):
            raise InternalError(f"operator {i} of {self.name} makes no rows")
        return kernel if widest == kernel.op.outputs[0].shape[2] else narrowed(kernel, widest)

    def _dynamic(self, i: int) -> bool:
        columns = self.layout.regions[i].columns
        return columns.least < columns.widest

    def build(self) -> SegmentCode:
        self.rows = [
            self.function(kernel.row_function(self._dynamic(i)), "row", i, row_pointers(kernel))
            for i, kernel in enumerate(self.kernels)
        ]
        self.patch = self.function(self._print_patch(), "patch")
        return self.code(self._print_patches())

    def _print_patches(self) -> PrimFunc:
        """Print the entry: one call a patch, from left to right and from top to bottom."""
        with IRBuilder() as builder, T.prim_func(private=True):
            arguments, _, _ = self.declare(())
            for y in range(self.layout.patch_rows):
                for x in range(self.layout.bands):
                    numbers = [T.int32(self.values.of(n, y, x)) for n in self.values.varying()]
                    self.call(self.patch, [*arguments.values(), *numbers])
        return builder.get()

    def _print_patch(self) -> PrimFunc:
        with IRBuilder() as builder, T.prim_func(private=True):
            self.arguments, self.buffers, self.numbers = self.declare(self.values.varying())
            for i, part in enumerate(self.parts):
                for tensor in dict.fromkeys(part.inputs):
                    buffer = self.layout.buffers.get(tensor)
                    inner = any(p.output == tensor for p in self.parts)
                    if buffer is not None and not inner and self.layout.first_reader(tensor) == i:
                        self._pad(buffer)
                        self._load(buffer)
                if part.output in self.layout.buffers:
                    self._pad(self.layout.buffers[part.output])
                with loop("y", 0, self._number(f"rows{i}")) as y:
                    self._run(i, y)
                self.report(i)
        return builder.get()

    def _number(self, name: str) -> Expr:
        """Return a number of the patch: a parameter where it differs between patches."""
        number = self.numbers.get(name)
        return T.int32(self.values.of(name, 0, 0)) if number is None else number

    # -- regions

    def _pad(self, buffer: RegionBuffer) -> None:
        """Emit the filling of all that lies outside the tensor."""
        name, pixel, line, values = buffer.tensor, buffer.pixel_bytes, buffer.line_bytes, self.values
        above, inside, below = (self._number(f"{n}_{name}") for n in ("above", "inside", "below"))
        if values.ever(f"above_{name}"):
            self.fill(T.int32(buffer.offset), buffer.pad_value, above * line)
        if values.ever(f"below_{name}"):
            self.fill(buffer.offset + (above + inside) * line, buffer.pad_value, below * line)
        left, within, right = (self._number(f"{n}_{name}") for n in ("left", "within", "right"))
        if not values.ever(f"left_{name}") and not values.ever(f"right_{name}"):
            return
        with loop("row", 0, inside) as row:
            start = buffer.offset + (above + row) * line
            if values.ever(f"left_{name}"):
                self.fill(start, buffer.pad_value, left * pixel)
            if values.ever(f"right_{name}"):
                self.fill(start + (left + within) * pixel, buffer.pad_value, right * pixel)

    def _load(self, buffer: RegionBuffer) -> None:
        """Emit the copying of a region of a stored or fetched tensor."""
        name, pixel = buffer.tensor, buffer.pixel_bytes
        width = self.views()[name].shape[2]
        first, column = self._number(f"first_{name}"), self._number(f"column_{name}")
        fetches = name in self.layout.fetched and self.target.prints_c
        with loop("row", 0, self._number(f"inside_{name}")) as row:
            to = buffer.offset + (self._number(f"above_{name}") + row) * buffer.line_bytes
            to = to + self._number(f"left_{name}") * pixel
            size = self._number(f"within_{name}") * pixel
            if fetches:
                line = self.layout.line_offset[name]
                self.fetch(name, first + row, T.int32(line))
                self.copy(to, self.buffers["scratch"], line + column * pixel, size)
            else:
                self.copy(to, self.stored(name), ((first + row) * width + column) * pixel, size)

    # -- operators

    def _run(self, i: int, y: Expr) -> None:
        """Emit the call of an operator's row kernel for row `y` of its region."""
        part, kernel, described = self.parts[i], self.kernels[i], self.layout.operators[i]
        row = self._number(f"row{i}") + y
        arguments: list[Expr] = []
        for j, (tensor, window) in enumerate(zip(part.inputs, described.rows, strict=True)):
            for k in range(window.size):
                line = begin_of(window, row) + (k * window.dilation - window.pad_before)
                arguments.append(self._pointer(i, j, tensor, line))
        arguments += self.constants_of(i)
        if kernel.scratch_bytes:
            arguments.append(T.address_of(self.buffers["scratch"][self.layout.scratch_offset[i]]))
        arguments.append(self._out_pointer(i, part.output, row))
        if self._dynamic(i):
            arguments.append(self._number(f"columns{i}"))
        self.call(self.rows[i], arguments)

    def _pointer(self, i: int, j: int, tensor: str, line: Expr) -> Expr:
        """Return the address of the first column that input j of operator i reads in row `line` of its tensor."""
        column = self._number(f"from{i}_{j}")
        if (i, j) in self.layout.buffered:
            buffer = self.layout.buffers[tensor]
            slot = line - self._number(f"top_{tensor}")
            start = buffer.offset + slot * buffer.line_bytes + column * buffer.pixel_bytes
            return T.address_of(self.cells(tensor)[start])
        _, _, width, channels = self.views()[tensor].shape
        return T.address_of(self.stored(tensor)[(line * width + column) * channels])

    def _out_pointer(self, i: int, tensor: str, row: Expr) -> Expr:
        if tensor in self.layout.buffers:
            buffer = self.layout.buffers[tensor]
            slot = row - self._number(f"top_{tensor}")
            start = buffer.offset + slot * buffer.line_bytes + self._number(f"to{i}") * buffer.pixel_bytes
            return T.address_of(self.cells(tensor)[start])
        _, _, width, channels = self.views()[tensor].shape
        return T.address_of(self.stored(tensor)[(row * width + self._number(f"to{i}")) * channels])
