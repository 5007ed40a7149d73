"""A legalized function as a list of operators with named tensors and plain attributes: no TVM object left in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tvm import relax

from relay_passes.dialect import op_def
from relay_passes.straight_line import StraightLine, constant_value, dtype_of, is_constant, op_name, shape_of
from tvm_patch.errors import UnsupportedError
from tvm_patch.tvm_types import Call, Expr, RelaxFunction, Var


@dataclass(frozen=True)
class PlainTensor:
    """Shape and dtype of an activation."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class PlainOp:
    """One operator.

    Attributes
    ----------
    kind : str
        Short name in the dialect, or of the stock operator that moves data.
    name : str
        Name of the binding.
    inputs, outputs : tuple of str
        Names of activations.
    constants : mapping of str to ndarray
        By the dialect's argument name; ``indices`` of take.
    attrs : mapping
        Plain Python values.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlainFunction:
    """A legalized function.

    Attributes
    ----------
    ops : tuple of PlainOp
        In run order.
    inputs, outputs : tuple of str
        Names of parameters and of results.
    tensors : mapping of str to PlainTensor
        Every activation by name.
    """

    ops: tuple[PlainOp, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: Mapping[str, PlainTensor]


def plain_function(function: RelaxFunction) -> PlainFunction:
    """Return `function` (legalized, straight-line) as operators with named tensors.

    Raises
    ------
    UnsupportedError
        When a binding is neither dialect nor data movement, or an output is a constant.
    """
    return _Binder(StraightLine.of(function)).run()


class _Binder:
    def __init__(self, line: StraightLine) -> None:
        self.line = line
        self.tensors: dict[str, PlainTensor] = {p.name: _view(p) for p in line.params}
        # Names of the results of a binding that makes a tuple.
        self.parts: dict[Var, tuple[str, ...]] = {}
        self.part_names = self._name_parts()

    def run(self) -> PlainFunction:
        ops = [self._bind(var, value) for var, value in self.line.bindings if isinstance(value, relax.Call)]
        outputs = tuple(self._name(o) for o in self.line.outputs)
        return PlainFunction(tuple(ops), tuple(p.name for p in self.line.params), outputs, self.tensors)

    def _name_parts(self) -> dict[tuple[Var, int], str]:
        """Name the fields of tuples after the first variable bound to each."""
        names: dict[tuple[Var, int], str] = {}
        for var, value in self.line.bindings:
            if isinstance(value, relax.TupleGetItem):
                names.setdefault((self.line.resolve(value.tuple_value), int(value.index)), str(var.name))
        return names

    def _name(self, expr: Expr) -> str:
        source = self.line.resolve(expr)
        value = self.line.values.get(source) if isinstance(source, relax.Var) else None
        if isinstance(value, relax.TupleGetItem):
            return self.parts[self.line.resolve(value.tuple_value)][int(value.index)]
        if not isinstance(source, relax.Var):
            raise UnsupportedError("an output of the network is a constant", way_out="drop that output")
        return str(source.name)

    def _bind(self, var: Var, call: Call) -> PlainOp:
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
        input_names = tuple(self._name(i) for i in inputs)
        return PlainOp(kind, str(var.name), input_names, outputs, constants, attrs)

    def _outputs(self, var: Var) -> tuple[str, ...]:
        if dtype_of(var):
            self.tensors[var.name] = _view(var)
            return (str(var.name),)
        names = tuple(self.part_names.get((var, i), f"{var.name}_{i}") for i in range(len(var.ty.fields)))
        for name, part in zip(names, var.ty.fields, strict=True):
            self.tensors[name] = PlainTensor(tuple(int(d) for d in part.shape), str(part.dtype))
        self.parts[var] = names
        return names


def _view(expr: Expr) -> PlainTensor:
    return PlainTensor(shape_of(expr), dtype_of(expr))


def _take_apart(call: Call, line: StraightLine) -> tuple[str, list[Expr], list[str], dict[str, Any]]:
    """Return kind, arguments, the name each argument has when it is a constant, and plain attributes."""
    definition = op_def(call)
    if definition is not None:
        attrs = {name: _plain(call.attrs[name]) for name in definition.attributes}
        return definition.name, list(call.args), list(definition.arguments), attrs
    kind = op_name(call).removeprefix("relax.")
    if kind == "concat":
        fields = list(line.definition(call.args[0]).fields)
        axis = int(call.attrs.axis) % len(shape_of(call))
        return kind, fields, [f"part{i}" for i in range(len(fields))], {"axis": axis}
    if kind in _STOCK:
        arguments, names, attrs = _STOCK[kind](call)
        return kind, arguments, names, attrs
    raise UnsupportedError(
        f"{kind or 'value'} is neither an operator of the integer dialect nor data movement",
        way_out="run LegalizeQuantized first",
    )


def _reshape(call: Call) -> tuple[list[Expr], list[str], dict[str, Any]]:
    return [call.args[0]], ["data"], {}


def _permute_dims(call: Call) -> tuple[list[Expr], list[str], dict[str, Any]]:
    rank = len(shape_of(call))
    axes = call.attrs.axes
    order = [int(a) % rank for a in axes] if axes is not None else list(range(rank))[::-1]
    return [call.args[0]], ["data"], {"axes": order}


def _split(call: Call) -> tuple[list[Expr], list[str], dict[str, Any]]:
    data = shape_of(call.args[0])
    axis = int(call.attrs.axis) % len(data)
    sections = call.attrs.indices_or_sections
    if hasattr(sections, "value") or isinstance(sections, int):
        count = int(sections)
        indices = [data[axis] // count * i for i in range(1, count)]
    else:
        indices = [int(i) for i in sections]
    return [call.args[0]], ["data"], {"axis": axis, "indices_or_sections": indices}


def _strided_slice(call: Call) -> tuple[list[Expr], list[str], dict[str, Any]]:
    data = shape_of(call.args[0])
    axes = [int(_number(a)) % len(data) for a in call.args[1].fields]
    rows = [[int(_number(v)) for v in argument.fields] for argument in call.args[2:4]]
    strides = [int(_number(v)) for v in call.args[4].fields] if len(call.args) > 4 else [1] * len(axes)
    begins, ends = [], []
    for axis, begin, end, stride in zip(axes, *rows, strides, strict=True):
        first, last, _ = slice(begin, end, stride).indices(data[axis])
        begins.append(first)
        # Going down to and including element 0 ends at -1, which would mean the last element.
        ends.append(last if last >= 0 else -data[axis] - 1)
    return [call.args[0]], ["data"], {"axes": axes, "begin": begins, "end": ends, "strides": strides}


def _take(call: Call) -> tuple[list[Expr], list[str], dict[str, Any]]:
    rank = len(shape_of(call.args[0]))
    return list(call.args), ["data", "indices"], {"axis": int(call.attrs.axis) % rank}


def _tile(call: Call) -> tuple[list[Expr], list[str], dict[str, Any]]:
    repeats = [int(r) for r in call.attrs.repeats]
    missing = len(shape_of(call.args[0])) - len(repeats)
    return [call.args[0]], ["data"], {"repeats": [1] * missing + repeats}


_STOCK = {
    "reshape": _reshape,
    "permute_dims": _permute_dims,
    "split": _split,
    "strided_slice": _strided_slice,
    "take": _take,
    "tile": _tile,
}


def _number(value: Any) -> int:
    return int(value.value) if hasattr(value, "value") else int(value)


def _plain(value: Any) -> Any:
    """Return an attribute as plain Python."""
    if isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "value"):
        return value.value
    return [_plain(v) for v in value]
