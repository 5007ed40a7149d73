"""One operator over whole stored tensors: the loop over output rows around a row kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import Form, Kernel, RowKernel, TensorKernel
from tvm_patch.lowering.rows import InputRows, feeds

PrimFunc = Any
_ALIGN = 4


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


@dataclass(frozen=True)
class LayerCode:
    """TIR of one operator.

    Attributes
    ----------
    functions : dict
        Private PrimFuncs by role: ``layer`` is the entry; ``row`` the row kernel it calls, if any.
    row_variable : tvm.ir.GlobalVar or None
        By which ``layer`` calls ``row``.
    scratch_bytes : int
        Size of the ``scratch`` parameter of the entry: row buffers first, then the kernel's own.
    """

    functions: dict[str, PrimFunc]
    row_variable: Any | None
    scratch_bytes: int


def parameter_names(kernel: Kernel, scratch_bytes: int) -> list[str]:
    """Return the parameter names of a layer's entry function, in order."""
    names = [f"in{i}" for i in range(len(kernel.op.inputs))] + list(kernel.constants)
    if scratch_bytes:
        names.append("scratch")
    return names + [f"out{i}" for i in range(len(kernel.op.outputs))]


def lower_layer(kernel: Kernel, form: Form, row_name: str) -> LayerCode:
    """Generate the TIR of one operator.

    Parameters
    ----------
    kernel : Kernel
        The operator's kernel.
    form : {"portable", "dsp"}
        Which form of the kernel to use; in ``dsp`` form buffers are filled by ``memcpy``/``memset``.
    row_name : str
        Name under which the layer calls its row kernel.
    """
    if isinstance(kernel, TensorKernel):
        return LayerCode({"layer": kernel.function(form)}, None, _aligned(kernel.scratch_bytes))
    assert isinstance(kernel, RowKernel)
    inputs = feeds(kernel)
    row_variable = tvm.ir.GlobalVar(row_name)
    buffers = _aligned(sum(_aligned(i.buffer_bytes) for i in inputs))
    scratch_bytes = buffers + _aligned(kernel.scratch_bytes)
    functions = {
        "layer": _row_loop(kernel, inputs, form, row_variable, scratch_bytes),
        "row": kernel.row_function(form),
    }
    return LayerCode(functions, row_variable, scratch_bytes)


def _row_loop(
    kernel: RowKernel, inputs: Sequence[InputRows], form: Form, row_variable: Any, scratch_bytes: int
) -> PrimFunc:
    op = kernel.op
    output = op.outputs[0]
    out_height = output.shape[1]
    constants = kernel.constants
    with IRBuilder() as builder, T.prim_func(private=True):
        data = [T.arg(f"in{i}", T.handle(t.dtype)) for i, t in enumerate(op.inputs)]
        consts = [T.arg(name, T.handle(str(array.dtype))) for name, array in constants.items()]
        scratch_arg = T.arg("scratch", T.handle("int8")) if scratch_bytes else None
        out_arg = T.arg("out0", T.handle(output.dtype))

        tensors = [
            T.decl_buffer((t.size,), t.dtype, data=arg) for t, arg in zip(op.inputs, data, strict=True)
        ]
        out = T.decl_buffer((output.size,), output.dtype, data=out_arg)
        scratch = T.decl_buffer((scratch_bytes,), "int8", data=scratch_arg) if scratch_bytes else None

        rings, offset = [], 0
        for feed, tensor in zip(inputs, tensors, strict=True):
            rings.append(_RowBuffer(feed, tensor, scratch, offset, form))
            offset += _aligned(feed.buffer_bytes)
        for ring in rings:
            ring.prologue()

        with T.serial(0, out_height) as y:
            for ring in rings:
                ring.advance(y)
            arguments: list[Any] = []
            for ring in rings:
                arguments += ring.pointers(y)
            arguments += consts
            if kernel.scratch_bytes:
                assert scratch is not None
                arguments.append(T.address_of(scratch[offset]))
            arguments.append(T.address_of(out[y * (output.size // out_height)]))
            T.evaluate(tvm.ir.Call(row_variable, arguments, ret_ty=tvm.ir.PrimType("int32")))
    return builder.get()


class _RowBuffer:
    """Emits the code that feeds one input: straight from the tensor, or through a rolling row buffer."""

    def __init__(self, feed: InputRows, tensor: Any, scratch: Any, offset: int, form: Form) -> None:
        self.feed, self.tensor, self.scratch, self.offset, self.form = feed, tensor, scratch, offset, form
        self.row_elements = tensor.shape[0] // feed.height
        if not feed.direct and feed.row_bytes != int(self.row_elements):
            raise ValueError("row buffers hold one-byte elements only")

    def prologue(self) -> None:
        """Fill the padding columns, and load the rows before those that the first output row loads itself."""
        feed, window = self.feed, self.feed.window
        if feed.direct:
            return
        left = window.columns_before * feed.pixel_bytes
        right = window.columns_after * feed.pixel_bytes
        if left or right:
            with T.serial(0, window.reach) as slot:
                start = self.offset + slot * feed.slot_bytes
                if left:
                    self._fill(start, left)
                if right:
                    self._fill(start + left + feed.row_bytes, right)
        for_prologue = window.reach - self._loads_per_row
        if for_prologue:
            with T.serial(0, for_prologue) as j:
                self._load(j)

    @property
    def _loads_per_row(self) -> int:
        """Rows loaded for each output row: the stride, or the whole window where the stride skips rows."""
        return min(self.feed.window.stride, self.feed.window.reach)

    def advance(self, y: Any) -> None:
        """Load the rows that output row `y` is the first to need."""
        if self.feed.direct:
            return
        window, loads = self.feed.window, self._loads_per_row
        base = y * window.stride + (window.reach - loads)
        if loads == 1:
            self._load(base)
        else:
            with T.serial(0, loads) as j:
                self._load(base + j)

    def pointers(self, y: Any) -> list[Any]:
        """Return the row pointers for output row `y`."""
        window, feed = self.feed.window, self.feed
        if feed.direct:
            rows = [y * window.stride + j * window.dilation for j in range(window.size)]
            return [T.address_of(self.tensor[r * self.row_elements]) for r in rows]
        return [
            T.address_of(self.scratch[self.offset + self._slot(y * window.stride + j * window.dilation)])
            for j in range(window.size)
        ]

    def _slot(self, padded_row: Any) -> Any:
        """Byte offset in the ring of a row counted from the first padding row."""
        if self.feed.window.reach == 1:
            return tirx.IntImm("int32", 0)
        return T.truncmod(padded_row, self.feed.window.reach) * self.feed.slot_bytes

    def _load(self, padded_row: Any) -> None:
        """Copy one row into its slot, or fill the slot when the row lies outside the tensor."""
        feed, window = self.feed, self.feed.window
        start = T.bind(self.offset + window.columns_before * feed.pixel_bytes + self._slot(padded_row))
        row = padded_row - window.pad_before
        with T.If(tirx.all(row >= 0, row < feed.height)):
            with T.Then():
                self._copy(start, row * feed.row_bytes, feed.row_bytes)
            with T.Else():
                self._fill(start, feed.row_bytes)

    def _copy(self, start: Any, source: Any, size: int) -> None:
        if self.form == "dsp":
            to, origin = T.address_of(self.scratch[start]), T.address_of(self.tensor[source])
            T.evaluate(tirx.call_extern("int32", "tvmp_copy", to, origin, size))
        else:
            self._loop(size, lambda i: T.buffer_store(self.scratch, self.tensor[source + i], [start + i]))

    def _fill(self, start: Any, size: int) -> None:
        value = tirx.IntImm("int8", self.feed.window.pad_value)
        if self.form == "dsp":
            to = T.address_of(self.scratch[start])
            T.evaluate(tirx.call_extern("int32", "tvmp_fill", to, value, size))
        else:
            self._loop(size, lambda i: T.buffer_store(self.scratch, value, [start + i]))

    @staticmethod
    def _loop(size: int, body: Callable[[Any], None]) -> None:
        with T.serial(0, size) as i:
            body(i)
