"""A QDQ function as quantized tensors and the bindings between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tvm import relax

from relay_passes.constants import ConstantFolder
from relay_passes.straight_line import StraightLine, dtype_of, op_name, operands

Expr = Any
Var = Any

_TENSOR_TYPES = ("int8", "uint8")


class QuantGraph:
    """Which quantized tensors each quantized tensor is made from.

    A tensor here is a parameter or what one operator of the model makes: the float values, the widened sums and the
    integers before a fused clamp are steps on the way.

    Parameters
    ----------
    line : StraightLine
        The function.

    Attributes
    ----------
    folder : ConstantFolder
        What is known of its constants.
    tensors : dict of str to relax.Var
        By name, parameters first, then in run order.
    """

    def __init__(self, line: StraightLine) -> None:
        self.line = line
        self.folder = ConstantFolder(line, line.resolve)
        self._consumers = line.consumers()
        # A tensor that has an alias (what a dataflow block hands out) is an output under either name.
        self.outputs = {line.resolve(o) for o in line.outputs}
        self.tensors: dict[str, Var] = {str(p.name): p for p in line.params}
        for var, value in line.bindings:
            if self._is_tensor(var, value):
                self.tensors[str(var.name)] = var
        self._known = set(self.tensors.values())
        self._steps: dict[Var, tuple[Var, ...]] = {}
        self._sources: dict[Var, tuple[Var, ...]] = {}
        for var in self.tensors.values():
            self._steps[var], self._sources[var] = self._walk(var)
        self._readers: dict[Var, list[Var]] = {}
        for var, sources in self._sources.items():
            for source in sources:
                self._readers.setdefault(source, []).append(var)

    def _is_tensor(self, var: Var, value: Expr) -> bool:
        if dtype_of(var) not in _TENSOR_TYPES or self.line.resolve(var) != var:
            return False
        if self.folder.value(var) is not None:
            return False
        return self.clamp_of(var) is None

    def clamp_of(self, var: Var) -> Var | None:
        """Return the binding that clamps the integers `var`, when nothing else reads them (a fused activation)."""
        readers = self._consumers.get(var, [])
        if len(readers) != 1 or var in self.outputs:
            return None
        return readers[0] if op_name(self.line.values[readers[0]]) == "relax.clip" else None

    def _walk(self, var: Var) -> tuple[tuple[Var, ...], tuple[Var, ...]]:
        """Return the bindings that make `var`, in order, and the tensors that they read."""
        steps, sources, queue = {var}, dict[Var, None](), [var]
        while queue:
            value = self.line.values.get(queue.pop())
            for operand in self._resolved(value):
                if operand in self._known:
                    sources[operand] = None
                elif operand in self.line.values and operand not in steps:
                    steps.add(operand)
                    queue.append(operand)
        return tuple(v for v, _ in self.line.bindings if v in steps), tuple(sources)

    def _resolved(self, value: Expr) -> Iterable[Var]:
        for operand in operands(value) if value is not None else ():
            source = self.line.resolve(operand)
            if isinstance(source, relax.Var):
                yield source

    def steps(self, tensor: Var) -> tuple[Var, ...]:
        """Return the bindings of the operator that makes `tensor`, in order; none for a parameter."""
        return self._steps[tensor]

    def sources(self, tensor: Var) -> tuple[Var, ...]:
        """Return the tensors that the operator making `tensor` reads, each once."""
        return self._sources[tensor]

    def readers(self, tensor: Var) -> tuple[Var, ...]:
        """Return the tensors made from `tensor`, in run order."""
        return tuple(self._readers.get(tensor, ()))

    def step(self, tensor: Var, kind: str) -> Var | None:
        """Return the binding of operator `kind` among the steps of `tensor`, or None."""
        return next((v for v in self.steps(tensor) if op_name(self.line.values[v]) == kind), None)
