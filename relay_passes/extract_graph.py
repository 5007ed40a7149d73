"""extract_graph: a legalized module as :class:`tvm_patch.graph.Graph`, no TVM object left in it."""

from __future__ import annotations

from typing import Any

from tvm import relax

from relay_passes.dialect import MOVES, op_def
from relay_passes.straight_line import (
    MAIN,
    StraightLine,
    constant_value,
    dtype_of,
    is_constant,
    op_name,
    shape_of,
)
from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Graph, Operator, Tensor


def extract_graph(module: Any) -> Graph:
    """Return ``main`` of a legalized module; see :func:`graph_of`."""
    return graph_of(module[MAIN])


def graph_of(function: Any) -> Graph:
    """Return a legalized, straight-line function as operators over named tensors.

    Raises
    ------
    UnsupportedError
        When a binding is neither dialect nor data movement, or an output is a constant.
    """
    return _Binder(StraightLine.of(function)).run()


class _Binder:
    def __init__(self, line: StraightLine) -> None:
        self.line = line
        self.inputs = tuple(_tensor(p) for p in line.params)
        self.tensors = {t.name: t for t in self.inputs}
        # Names of the results of a binding that makes a tuple.
        self.parts: dict[Any, tuple[str, ...]] = {}
        self.part_names = self._name_parts()

    def run(self) -> Graph:
        operators = [
            self._bind(var, value) for var, value in self.line.bindings if isinstance(value, relax.Call)
        ]
        outputs = tuple(self.tensors[self._name(o)] for o in self.line.outputs)
        return Graph(tuple(operators), self.inputs, outputs)

    def _name_parts(self) -> dict[tuple[Any, int], str]:
        """Name the fields of tuples after the first variable bound to each."""
        names: dict[tuple[Any, int], str] = {}
        for var, value in self.line.bindings:
            if isinstance(value, relax.TupleGetItem):
                names.setdefault((self.line.resolve(value.tuple_value), int(value.index)), str(var.name))
        return names

    def _name(self, expr: Any) -> str:
        source = self.line.resolve(expr)
        value = self.line.values.get(source) if isinstance(source, relax.Var) else None
        if isinstance(value, relax.TupleGetItem):
            return self.parts[self.line.resolve(value.tuple_value)][int(value.index)]
        if not isinstance(source, relax.Var):
            raise UnsupportedError("an output of the network is a constant", way_out="drop that output")
        return str(source.name)

    def _bind(self, var: Any, call: Any) -> Operator:
        kind, arguments, constant_names, attrs = _take_apart(call, self.line)
        inputs, constants = [], {}
        for name, argument in zip(constant_names, arguments, strict=True):
            source = self.line.resolve(argument)
            if is_constant(source):
                constants[name] = constant_value(source)
            else:
                inputs.append(source)
        if kind == "concat" and constants:
            raise UnsupportedError(
                "concat with a constant part", f"binding {var.name}", "make the part an input"
            )
        if kind == "take" and "indices" not in constants:
            raise UnsupportedError(
                "take with indices that are computed", f"binding {var.name}", "make them constant"
            )
        outputs = self._outputs(var)
        self.tensors |= {t.name: t for t in outputs}
        read = tuple(self.tensors[self._name(i)] for i in inputs)
        return Operator(kind, str(var.name), read, outputs, constants, attrs)

    def _outputs(self, var: Any) -> tuple[Tensor, ...]:
        if dtype_of(var):
            return (_tensor(var),)
        names = tuple(self.part_names.get((var, i), f"{var.name}_{i}") for i in range(len(var.ty.fields)))
        self.parts[var] = names
        return tuple(
            Tensor(name, tuple(int(d) for d in part.shape), str(part.dtype))
            for name, part in zip(names, var.ty.fields, strict=True)
        )


def _tensor(var: Any) -> Tensor:
    return Tensor(str(var.name), shape_of(var), dtype_of(var))


def _take_apart(call: Any, line: StraightLine) -> tuple[str, list[Any], list[str], dict[str, Any]]:
    """Return kind, arguments, the name each argument has when it is a constant, and plain attributes."""
    definition = op_def(call)
    if definition is not None:
        attrs = {name: _plain(call.attrs[name]) for name in definition.attributes}
        return definition.name, list(call.args), list(definition.arguments), attrs
    kind = op_name(call).removeprefix("relax.")
    if kind not in MOVES:
        raise UnsupportedError(
            f"{kind or 'value'} is neither an operator of the integer dialect nor data movement",
            way_out="run LegalizeQuantized first",
        )
    return kind, *MOVES[kind].take_apart(call, line)


def _plain(value: Any) -> Any:
    """Return an attribute as plain Python."""
    if isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "value"):
        return value.value
    return [_plain(v) for v in value]
