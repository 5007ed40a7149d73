"""A depthwise convolution block by block of channels, as TIR: gather a block, make its rows, put each where it belongs."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.named import loop
from tvm_patch.lowering.segment_parts import Parameter, SegmentCode, SegmentPart
from tvm_patch.lowering.segment_printer import SegmentPrinter
from tvm_patch.lowering.step_function import row_pointers
from tvm_patch.planner.layout.channels import ChannelsLayout
from tvm_patch.targets import Target
from tvm_patch.tvm_types import Buffer, Expr, GlobalVar, PrimFunc


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
        (self.part,) = parts
        self.starts: list[int] = []
        channel = 0
        for kernel in self.part.blocks:
            self.starts.append(channel)
            channel += kernel.op.outputs[0].shape[3]

    def parameters(self) -> list[Parameter]:
        """Return the pointers that the entry takes: constants are those of the blocks."""
        found = [Parameter("in0", "in", self.layout.sources[0])]
        for i, kernel in enumerate(self.part.blocks):
            found += [Parameter(f"block{i}_{n}", "constant", array=a) for n, a in kernel.constants.items()]
        return [*found, Parameter("scratch", "scratch"), Parameter("out0", "out", self.layout.stored[0])]

    def build(self) -> SegmentCode:
        """Return the code."""
        known: dict[str, GlobalVar] = {}
        rows = []
        for kernel in self.part.blocks:
            code = kernel.row_function()
            # Blocks of one form share their function: weights are arguments.
            text = code.script()
            if text not in known:
                known[text] = self.function(code, "row", 0, row_pointers(kernel), len(known))
            rows.append(known[text])
        return self.code(self._print(rows))

    def _print(self, rows: Sequence[GlobalVar]) -> PrimFunc:
        layout = self.layout
        (window,) = {block.rows[0] for block in layout.blocks}
        with IRBuilder() as builder, T.prim_func(private=True):
            self.arguments, self.buffers, _ = self.declare(())
            self.fill(T.int32(0), window.pad_value, T.int32(layout.window_bytes))
            for i, (kernel, row) in enumerate(zip(self.part.blocks, rows, strict=True)):
                self._block(i, kernel, row)
        return builder.get()

    def _block(self, i: int, kernel: RowKernel, row: GlobalVar) -> None:
        """Emit a block: gather its channels, then make and scatter its rows."""
        layout, channels, first = self.layout, kernel.op.outputs[0].shape[3], self.starts[i]
        window = layout.blocks[i].rows[0]
        _, height, width, total = self.part.kernel.op.inputs[0].shape
        _, out_height, out_width, _ = self.part.kernel.op.outputs[0].shape
        line = layout.columns * channels
        if channels != self.part.blocks[0].op.outputs[0].shape[3]:
            # Padding lies elsewhere where pixels are smaller.
            self.fill(T.int32(0), window.pad_value, T.int32(layout.lines * line))
        scratch, source = self.buffers["scratch"], self.stored(layout.sources[0])
        last = min(height, layout.lines - window.pad_before)
        with loop("y", 0, last) as y, loop("x", 0, width) as x:
            to = (y + window.pad_before) * line + (x + window.columns_before) * channels
            self._move(scratch, to, source, (y * width + x) * total + first, channels)
        with loop("y", 0, out_height) as y:
            arguments: list[Expr] = [
                T.address_of(self.cells(layout.sources[0])[(y * window.stride + k * window.dilation) * line])
                for k in range(window.size)
            ]
            arguments += [self.arguments[f"block{i}_{n}"] for n in kernel.constants]
            if kernel.scratch_bytes:
                arguments.append(T.address_of(scratch[layout.scratch_offset]))
            arguments.append(T.address_of(self.cells(layout.stored[0])[layout.row_offset]))
            self.call(row, arguments)
            with loop("x", 0, out_width) as x:
                to = (y * out_width + x) * total + first
                self._move(self.stored(layout.stored[0]), to, scratch, layout.row_offset + x * channels, channels)

    def _move(self, to: Buffer, at: Expr, source: Buffer, origin: Expr, size: int) -> None:
        """Emit the copying of a pixel of a block."""
        if self.target.prints_c:
            ends = T.address_of(to[at]), T.address_of(source[origin])
            T.evaluate(tirx.call_extern("int32", "tvmp_copy", *ends, T.int32(size)))
            return
        with loop("c", 0, size) as c:
            T.buffer_store(to, source[origin + c].astype(str(to.dtype)), [at + c])
