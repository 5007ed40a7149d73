"""A depthwise convolution block by block of channels, as TIR: a block, then its rows, each to its place."""

from __future__ import annotations

from collections.abc import Sequence

import tvm_ffi
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.named import loop
from tvm_patch.lowering.segment_parts import Parameter, SegmentCode, SegmentPart
from tvm_patch.lowering.segment_printer import SegmentPrinter
from tvm_patch.lowering.step_function import row_pointers
from tvm_patch.planner.layout.channels import ChannelsLayout
from tvm_patch.targets import Target
from tvm_patch.tvm_types import Expr, GlobalVar, PrimFunc


def lower_channels(
    layout: ChannelsLayout,
    parts: Sequence[SegmentPart],
    target: Target,
    name: str,
) -> SegmentCode:
    """Generate the TIR; parameters as for :func:`tvm_patch.lowering.printers.lower_segment`."""
    return _Channels(layout, parts, target, name).build()


class _Channels(SegmentPrinter):
    def __init__(
        self, layout: ChannelsLayout, parts: Sequence[SegmentPart], target: Target, name: str
    ) -> None:
        super().__init__(layout, parts, target, name)
        self.layout = layout
        self.sliding = parts[-1]
        self.before = parts[0] if len(parts) > 1 else None
        self.sizes = [kernel.op.outputs[0].shape[3] for kernel in self.sliding.blocks]
        self.starts = [sum(self.sizes[:i]) for i in range(len(self.sizes))]
        self.channels = sum(self.sizes)

    def parameters(self) -> list[Parameter]:
        """Return the pointers that the entry takes: constants are those of the blocks."""
        found = [Parameter("in0", "in", self.layout.sources[0])]
        for p, part in enumerate(self.parts):
            for i, kernel in enumerate(part.blocks):
                found += [
                    Parameter(_constant(p, i, n), "constant", array=a, part=p)
                    for n, a in kernel.constants.items()
                ]
        return [*found, Parameter("scratch", "scratch"), Parameter("out0", "out", self.layout.stored[0])]

    def build(self) -> SegmentCode:
        """Return the code."""
        rows = [
            [self._row_function(p, kernel) for kernel in part.blocks] for p, part in enumerate(self.parts)
        ]
        return self.code(self._print(rows))

    def _row_function(self, part: int, kernel: RowKernel) -> GlobalVar:
        """Add a kernel's function, once where blocks differ in nothing but their weights, which are arguments."""
        code = kernel.row_function()
        for variable, function in self.functions.items():
            if function.part == part and tvm_ffi.structural_equal(function.code, code):
                return variable
        return self.function(code, "row", part, row_pointers(kernel), len(self.functions))

    def _print(self, rows: Sequence[Sequence[GlobalVar]]) -> PrimFunc:
        with IRBuilder() as builder, T.prim_func(private=True):
            self.arguments, self.buffers, _ = self.declare(())
            for i, channels in enumerate(self.sizes):
                self._block(i, channels, [of_part[i] for of_part in rows])
        return builder.get()

    def _block(self, i: int, channels: int, rows: Sequence[GlobalVar]) -> None:
        """Emit a block: make or gather its channels, then make and scatter its rows."""
        layout, kernel = self.layout, self.sliding.blocks[i]
        window = layout.blocks[-1][i].rows[0]
        line = layout.columns * channels
        # Padding stays where it is from block to block, as long as their pixels have one size.
        if i == 0 or channels != self.sizes[0]:
            self.fill(T.int32(0), window.pad_value, T.int32(layout.lines * line))
        _, height, _, _ = kernel.op.inputs[0].shape
        _, out_height, out_width, _ = kernel.op.outputs[0].shape
        with loop("y", 0, min(height, layout.lines - window.pad_before)) as y:
            self._bring(i, y, (y + window.pad_before) * line + window.columns_before * channels, rows[0])
        with loop("y", 0, out_height) as y:
            read = self.cells(kernel.op.inputs[0].name)
            pointers = [
                T.address_of(read[(y * window.stride + k * window.dilation) * line])
                for k in range(window.size)
            ]
            to = T.address_of(self.cells(layout.stored[0])[layout.row_offset])
            self._call(len(self.parts) - 1, i, rows[-1], pointers, to)
            with loop("x", 0, out_width) as x:
                at = (y * out_width + x) * self.channels + self.starts[i]
                origin = layout.row_offset + x * channels
                self.move(self.stored(layout.stored[0]), at, self.buffers["scratch"], origin, channels)

    def _bring(self, i: int, y: Expr, to: Expr, row: GlobalVar) -> None:
        """Emit the making of a row of a block's input, or its gathering."""
        source, layout = self.stored(self.layout.sources[0]), self.layout
        if self.before is not None:
            _, _, width, channels = self.before.kernel.op.inputs[0].shape
            pointer = T.address_of(source[y * (width * channels)])
            name = self.before.output
            self._call(0, i, row, [pointer], T.address_of(self.cells(name)[to]))
            return
        _, _, width, total = self.sliding.kernel.op.inputs[0].shape
        with loop("x", 0, width) as x:
            origin = (y * width + x) * total + self.starts[i]
            self.move(self.cells(layout.sources[0]), to + x * self.sizes[i], source, origin, self.sizes[i])

    def _call(self, part: int, i: int, row: GlobalVar, pointers: Sequence[Expr], out: Expr) -> None:
        kernel = self.parts[part].blocks[i]
        arguments = [*pointers, *(self.arguments[_constant(part, i, n)] for n in kernel.constants)]
        if kernel.scratch_bytes:
            arguments.append(T.address_of(self.buffers["scratch"][self.layout.scratch_offset]))
        self.call(row, [*arguments, out])
        self.report(part)


def _constant(part: int, block: int, name: str) -> str:
    return f"op{part}_block{block}_{name}"
