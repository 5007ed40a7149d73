"""What printers of segments have in common: parameters, buffers, copies, calls of kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tvm
from tvm import tirx
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.graph import Tensor
from tvm_patch.kernels.named import loop
from tvm_patch.lowering.segment_parts import Parameter, SegmentCode, SegmentPart, constant_names
from tvm_patch.lowering.step_function import Access, FunctionRole, StepFunction
from tvm_patch.planner.layout.base import Layout
from tvm_patch.targets import Target
from tvm_patch.tvm_types import Buffer, Expr, GlobalVar, PrimFunc, Var

FETCH = "tvmp_fetch_row"
"""C function that brings one row of a fetched input; see ``tvm_patch_rows.h``."""


class SegmentPrinter:
    """Prints the functions of one segment.

    Parameters
    ----------
    layout : Layout
        What it must do.
    parts : sequence of SegmentPart
        Its operators, in run order.
    target : Target
        What it is for; only where it prints C are buffers filled by ``memcpy`` and ``memset``, and do rows of fetched
        inputs come from a callback (``fetched{i}`` is a ``struct tvmp_rows``).  Elsewhere ``fetched{i}`` is the whole
        tensor, since nothing defines :data:`FETCH`.
    name : str
        Prefix of the functions' names.
    """

    arguments: dict[str, Var]
    buffers: dict[str, Buffer]

    def __init__(
        self,
        layout: Layout,
        parts: Sequence[SegmentPart],
        target: Target,
        name: str,
    ) -> None:
        self.bound, self.parts, self.target, self.name = layout, parts, target, name
        self.functions: dict[Any, StepFunction] = {}

    def function(
        self,
        code: PrimFunc,
        role: FunctionRole,
        part: int | None = None,
        pointers: Sequence[Access] | None = None,
        form: int = 0,
    ) -> GlobalVar:
        """Add a function to the segment's; return its name.

        `pointers` says what its pointers are for, where they are not those of the entry; `form` tells apart those of
        one role and part.
        """
        if pointers is None:
            pointers = self.accesses()
        function = StepFunction(code, role, part, tuple(pointers), form)
        variable = tvm.ir.GlobalVar(f"{self.name}_{function.label}")
        self.functions[variable] = function
        return variable

    def code(self, entry: PrimFunc, pointers: Sequence[Access] | None = None) -> SegmentCode:
        """Add the entry to the functions and return the segment's code; `pointers` as for :meth:`function`."""
        name = self.function(entry, "segment", pointers=pointers)
        return SegmentCode(name, self.functions, tuple(self.parameters()))

    def parameters(self) -> list[Parameter]:
        """Return the pointers that the entry takes."""
        layout = self.bound
        found = [Parameter(f"in{i}", "in", t) for i, t in enumerate(layout.sources)]
        found += [Parameter(f"fetched{i}", "fetched", t) for i, t in enumerate(layout.fetched)]
        found += [
            Parameter(name, "constant", array=self.parts[i].kernel.constants[constant], part=i)
            for i, constant, name in constant_names(self.parts)
        ]
        if layout.scratch_bytes:
            found.append(Parameter("scratch", "scratch"))
        if not layout.sink.rows:
            found.append(Parameter("state", "state"))
        return found + [Parameter(f"out{i}", "out", t) for i, t in enumerate(layout.stored)]

    def accesses(self) -> list[Access]:
        """Return what the pointers that the entry takes are for."""
        return [self._access(p) for p in self.parameters()]

    def _access(self, parameter: Parameter) -> Access:
        if parameter.role == "fetched" and self.target.prints_c:
            return "rows"
        return "write" if parameter.role in ("scratch", "state", "out") else "read"

    def _pointee(self, parameter: Parameter) -> tuple[str, int]:
        """Return dtype and number of the elements that a parameter points to; no dtype where it is no array."""
        if parameter.array is not None:
            return str(parameter.array.dtype), max(1, parameter.array.size)
        if parameter.role == "scratch":
            return "int8", self.bound.scratch_bytes
        if parameter.role == "state":
            return "int32", self.bound.sink.state_bytes // 4
        if parameter.role == "fetched" and self.target.prints_c:
            return "", 0
        view = self.views()[parameter.tensor]
        return view.dtype, view.size

    def views(self) -> dict[str, Tensor]:
        """Return the shape and dtype of every tensor that the segment reads or makes."""
        views: dict[str, Tensor] = {}
        for part in self.parts:
            views.update(zip(part.inputs, part.kernel.op.inputs, strict=True))
            views[part.output] = part.kernel.op.outputs[0]
        return views

    def declare(self, numbers: Sequence[str]) -> tuple[dict[str, Var], dict[str, Buffer], dict[str, Var]]:
        """Emit the parameters: pointers, then `numbers`; return arguments, buffers and numbers by name."""
        arguments, buffers = {}, {}
        pointees = {p.name: self._pointee(p) for p in self.parameters()}
        for name, (dtype, _) in pointees.items():
            arguments[name] = T.arg(name, T.handle(dtype) if dtype else T.handle())
        scalars = {name: T.arg(f"n_{i}", T.int32()) for i, name in enumerate(numbers)}
        for name, (dtype, size) in pointees.items():
            if dtype:
                buffers[name] = T.decl_buffer((size,), dtype, data=arguments[name])
        if any(self.views()[t].dtype == "uint8" for t in self.bound.held):
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
            with loop("i", 0, size) as i:
                T.buffer_store(scratch, tirx.IntImm("int8", value), [start + i])

    def copy(self, start: Expr, source: Buffer, origin: Expr, size: Expr) -> None:
        """Emit the copying of `size` bytes of `source`, from `origin` on, to the scratch."""
        scratch = self.buffers["scratch"]
        if self.target.prints_c:
            to, origin = T.address_of(scratch[start]), T.address_of(source[origin])
            T.evaluate(tirx.call_extern("int32", "tvmp_copy", to, origin, size))
        else:
            with loop("i", 0, size) as i:
                T.buffer_store(scratch, source[origin + i].astype("int8"), [start + i])

    def move(self, to: Buffer, at: Expr, source: Buffer, origin: Expr, size: int) -> None:
        """Emit the copying of a pixel of `size` bytes."""
        if self.target.prints_c:
            ends = T.address_of(to[at]), T.address_of(source[origin])
            T.evaluate(tirx.call_extern("int32", "tvmp_copy", *ends, T.int32(size)))
            return
        with loop("c", 0, size) as c:
            T.buffer_store(to, source[origin + c].astype(str(to.dtype)), [at + c])

    def report(self, operator: int) -> None:
        """Emit the hook that says that an operator has worked; where it is alone the caller of the entry says so."""
        if len(self.parts) > 1 and self.target.prints_c:
            T.evaluate(tirx.call_extern("int32", "TVMP_DONE", self.bound.operators[operator].index))

    @staticmethod
    def call(variable: GlobalVar, arguments: Sequence[Expr]) -> None:
        """Emit the call of one of the segment's functions."""
        T.evaluate(tvm.ir.Call(variable, list(arguments), ret_ty=tvm.ir.PrimType("int32")))
