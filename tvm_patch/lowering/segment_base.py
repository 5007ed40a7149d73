"""What the two printers of segments have in common: parameters, buffers, copies, calls of kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tvm
from tvm import tirx
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.kernels import TensorView
from tvm_patch.lowering.segment_parts import SegmentPart, constant_names
from tvm_patch.lowering.step_function import Access, FunctionRole, StepFunction
from tvm_patch.planner.layouts import Layout
from tvm_patch.targets import Target
from tvm_patch.tvm_types import Buffer, Expr, GlobalVar, PrimFunc, Var

FETCH = "tvmp_fetch_row"
"""C function that brings one row of a fetched input; see ``tvm_patch_rows.h``."""


class Pointer(NamedTuple):
    """A pointer that the entry takes.

    Attributes
    ----------
    name : str
    dtype : str
        Of what it points to; empty for a ``struct tvmp_rows``.
    size : int
        Elements.
    access : str
        What it is for.
    """

    name: str
    dtype: str
    size: int
    access: Access


class SegmentPrinter:
    """Prints the functions of one segment.

    Parameters
    ----------
    layout : SegmentLayout or PatchLayout
        What it must do.
    parts : sequence of SegmentPart
        Its operators, in run order.
    target : Target
        What it is for; only where it prints C are buffers filled by ``memcpy`` and ``memset``, and do rows of fetched
        inputs come from a callback (``fetched{i}`` is a ``struct tvmp_rows``).  Elsewhere ``fetched{i}`` is the whole
        tensor, since nothing defines :data:`FETCH`.
    name : str
        Prefix of the functions' names.
    profile : sequence of int or None
        Per part: the operator's index to report where it prints C.
    """

    arguments: dict[str, Var]
    buffers: dict[str, Buffer]

    def __init__(
        self,
        layout: Layout,
        parts: Sequence[SegmentPart],
        target: Target,
        name: str,
        profile: Sequence[int] | None,
    ) -> None:
        self.bound, self.parts, self.target, self.name, self.profile = layout, parts, target, name, profile
        self.functions: dict[GlobalVar, StepFunction] = {}

    def function(
        self,
        code: PrimFunc,
        role: FunctionRole,
        part: int | None = None,
        pointers: Sequence[Access] | None = None,
    ) -> GlobalVar:
        """Add a function to the segment's; return its name.

        `pointers` says what its pointers are for, where they are not those of the entry.
        """
        if pointers is None:
            pointers = [p.access for p in self.parameters()]
        function = StepFunction(code, role, part, tuple(pointers))
        variable = tvm.ir.GlobalVar(f"{self.name}_{function.label}")
        self.functions[variable] = function
        return variable

    def parameters(self) -> list[Pointer]:
        """Return the pointers that the entry takes."""
        views, layout = self.views(), self.bound
        out = [Pointer(f"in{i}", views[t].dtype, views[t].size, "read") for i, t in enumerate(layout.sources)]
        for i, tensor in enumerate(layout.fetched):
            whole = not self.target.prints_c
            elements = (views[tensor].dtype, views[tensor].size) if whole else ("", 0)
            out.append(Pointer(f"fetched{i}", *elements, "read" if whole else "rows"))
        for i, constant, parameter in constant_names(self.parts):
            array = self.parts[i].kernel.constants[constant]
            out.append(Pointer(parameter, str(array.dtype), max(1, array.size), "read"))
        if layout.scratch_bytes:
            out.append(Pointer("scratch", "int8", layout.scratch_bytes, "write"))
        out += self.state_parameters()
        return out + [
            Pointer(f"out{i}", views[t].dtype, views[t].size, "write") for i, t in enumerate(layout.stored)
        ]

    def state_parameters(self) -> list[Pointer]:
        """Return the parameters for accumulators."""
        return []

    def views(self) -> dict[str, TensorView]:
        """Return the shape and dtype of every tensor that the segment reads or makes."""
        views: dict[str, TensorView] = {}
        for part in self.parts:
            views.update(zip(part.inputs, part.kernel.op.inputs, strict=True))
            views[part.output] = part.kernel.op.outputs[0]
        return views

    def declare(self, numbers: Sequence[str]) -> tuple[dict[str, Var], dict[str, Buffer], dict[str, Var]]:
        """Emit the parameters: pointers, then `numbers`; return arguments, buffers and numbers by name."""
        arguments, buffers = {}, {}
        parameters = self.parameters()
        for p in parameters:
            arguments[p.name] = T.arg(p.name, T.handle(p.dtype) if p.dtype else T.handle())
        scalars = {name: T.arg(f"n_{i}", T.int32()) for i, name in enumerate(numbers)}
        for p in parameters:
            if p.dtype:
                buffers[p.name] = T.decl_buffer((p.size,), p.dtype, data=arguments[p.name])
        if any(self.views()[t].dtype == "uint8" for t in self.bound.buffers):
            buffers["unsigned"] = T.decl_buffer(
                (self.bound.scratch_bytes,), "uint8", data=arguments["scratch"]
            )
        return arguments, buffers, scalars

    def constants_of(self, operator: int) -> list[Var]:
        """Return the arguments for the constants of one operator."""
        return [self.arguments[p] for i, _, p in constant_names(self.parts) if i == operator]

    def stored(self, tensor: str) -> Buffer:
        """Return the buffer of a tensor that lies whole in memory."""
        if tensor in self.bound.stored:
            return self.buffers[f"out{self.bound.stored.index(tensor)}"]
        if tensor in self.bound.fetched:
            return self.buffers[f"fetched{self.bound.fetched.index(tensor)}"]
        return self.buffers[f"in{self.bound.sources.index(tensor)}"]

    def cells(self, tensor: str) -> Buffer:
        """Return the scratch as elements of a tensor's type."""
        return self.buffers["unsigned" if self.views()[tensor].dtype == "uint8" else "scratch"]

    def fetch(self, tensor: str, row: Expr, start: Expr) -> None:
        """Emit the call that brings a row of a fetched input to byte `start` of the scratch."""
        source = self.arguments[f"fetched{self.bound.fetched.index(tensor)}"]
        to = T.address_of(self.buffers["scratch"][start])
        T.evaluate(tirx.call_extern("int32", FETCH, source, row, to))

    def fill(self, start: Expr, value: int, size: Expr) -> None:
        """Emit the filling of `size` bytes of the scratch."""
        scratch = self.buffers["scratch"]
        if self.target.prints_c:
            to = T.address_of(scratch[start])
            T.evaluate(tirx.call_extern("int32", "tvmp_fill", to, tirx.IntImm("int8", value), size))
        else:
            with T.serial(0, size) as i:
                T.buffer_store(scratch, tirx.IntImm("int8", value), [start + i])

    def copy(self, start: Expr, source: Buffer, origin: Expr, size: Expr) -> None:
        """Emit the copying of `size` bytes of `source`, from `origin` on, to the scratch."""
        scratch = self.buffers["scratch"]
        if self.target.prints_c:
            to, origin = T.address_of(scratch[start]), T.address_of(source[origin])
            T.evaluate(tirx.call_extern("int32", "tvmp_copy", to, origin, size))
        else:
            with T.serial(0, size) as i:
                T.buffer_store(scratch, source[origin + i].astype("int8"), [start + i])

    def report(self, operator: int) -> None:
        """Emit the hook that says that an operator has worked."""
        if self.profile is not None and self.target.prints_c:
            T.evaluate(tirx.call_extern("int32", "TVMP_DONE", self.profile[operator]))

    @staticmethod
    def call(variable: GlobalVar, arguments: Sequence[Expr]) -> None:
        """Emit the call of one of the segment's functions."""
        T.evaluate(tvm.ir.Call(variable, list(arguments), ret_ty=tvm.ir.PrimType("int32")))
