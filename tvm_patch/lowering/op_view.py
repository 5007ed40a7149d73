"""A legalized Relax function as a list of operators over named tensors: what kernels and planners read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax

from relay_passes.dialect import op_def
from relay_passes.straight_line import StraightLine, constant_value, dtype_of, is_constant, op_name, shape_of
from tvm_patch.errors import UnsupportedError
from tvm_patch.kernels import OpView, TensorView


@dataclass(frozen=True)
class BoundOp:
    """An operator and the names of the tensors that it reads and writes.

    Attributes
    ----------
    op : OpView
        The operator.
    inputs, outputs : tuple of str
        Tensor names, in the order of ``op.inputs`` and ``op.outputs``.
    """

    op: OpView
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class OperatorGraph:
    """The operators of a function in run order.

    Attributes
    ----------
    inputs : dict of str to TensorView
        Parameters of the function.
    operators : tuple of BoundOp
        In run order.
    outputs : tuple of str
        Tensors that the function returns.
    """

    inputs: dict[str, TensorView]
    operators: tuple[BoundOp, ...]
    outputs: tuple[str, ...]


def bindings_to_ops(function: Any) -> OperatorGraph:
    """Read a legalized function.

    Parameters
    ----------
    function : relax.Function
        Integer dialect and int8 data movement only, static shapes, no control flow.

    Raises
    ------
    UnsupportedError
        When a binding is anything else, naming it.
    """
    return _Reader(StraightLine.of(function)).graph()


def _plain(value: Any) -> Any:
    """Turn a TVM attribute into Python ints, floats, strings and lists."""
    if isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "value"):
        return value.value
    if isinstance(value, Sequence) or hasattr(value, "__iter__"):
        return [_plain(v) for v in value]
    return int(value)


class _Reader:
    def __init__(self, line: StraightLine) -> None:
        self.line = line
        self.names: dict[Any, str] = {}
        self.parts: dict[tuple[Any, int], str] = {}
        self._used: set[str] = set()

    def _name(self, text: str) -> str:
        name, count = text, 1
        while name in self._used:
            name, count = f"{text}_{count}", count + 1
        self._used.add(name)
        return name

    def graph(self) -> OperatorGraph:
        inputs = {}
        for param in self.line.params:
            self.names[param] = self._name(param.name)
            inputs[self.names[param]] = TensorView(shape_of(param), dtype_of(param))
        operators: list[BoundOp] = []
        for var, value in self.line.bindings:
            if self.line.resolve(var) is not var or isinstance(value, relax.Tuple):
                continue  # an alias, or a tuple whose fields are resolved where they are used
            if isinstance(value, relax.TupleGetItem):
                self.names[var] = self._part(value)
                continue
            operators.append(self._operator(var, value))
        outputs = tuple(self._tensor(out) for out in self.line.outputs)
        return OperatorGraph(inputs, tuple(operators), outputs)

    def _part(self, value: Any) -> str:
        source = self.line.resolve(value.tuple_value)
        return self.parts[source, int(value.index)]

    def _tensor(self, expr: Any) -> str:
        source = self.line.resolve(expr)
        if isinstance(source, relax.TupleGetItem):
            return self._part(source)
        if source not in self.names:
            raise UnsupportedError("an output that depends on no input cannot be compiled", str(expr))
        return self.names[source]

    def _operator(self, var: Any, value: Any) -> BoundOp:
        kind, arguments, attrs = _describe(var.name, value, self.line)
        constants: dict[str, np.ndarray] = {}
        inputs, views = [], []
        for name, argument in arguments:
            source = self.line.resolve(argument)
            if is_constant(source):
                constants[name] = constant_value(source)
            else:
                inputs.append(self._tensor(source))
                views.append(TensorView(shape_of(source), dtype_of(source)))
        outputs, output_views = [], []
        if isinstance(var.ty, relax.TupleType):
            for i, field in enumerate(var.ty.fields):
                self.parts[var, i] = self._name(f"{var.name}_{i}")
                outputs.append(self.parts[var, i])
                output_views.append(TensorView(tuple(int(d) for d in field.shape), str(field.dtype)))
        else:
            self.names[var] = self._name(var.name)
            outputs.append(self.names[var])
            output_views.append(TensorView(shape_of(var), dtype_of(var)))
        op = OpView(kind, var.name, tuple(views), tuple(output_views), constants, attrs)
        return BoundOp(op, tuple(inputs), tuple(outputs))


def _describe(
    name: str, call: Any, line: StraightLine
) -> tuple[str, list[tuple[str, Any]], Mapping[str, Any]]:
    """Return kind, named arguments and attributes of a call."""
    definition = op_def(call)
    if definition is not None:
        attrs = {key: _plain(call.attrs[key]) for key in definition.attributes}
        return definition.name, list(zip(definition.arguments, call.args, strict=True)), attrs
    movement = _MOVEMENT.get(op_name(call))
    if movement is None:
        raise UnsupportedError(
            f"{op_name(call) or 'this expression'} is not in the integer dialect",
            f"binding {name}",
            "run LegalizeQuantized first; if it was run, this operator has no exact integer form here",
        )
    return movement(call, line)


Described = tuple[str, list[tuple[str, Any]], Mapping[str, Any]]


def _reshape(call: Any, _: StraightLine) -> Described:
    return "reshape", [("data", call.args[0])], {}


def _permute_dims(call: Any, _: StraightLine) -> Described:
    rank = len(shape_of(call.args[0]))
    axes = list(range(rank))[::-1] if call.attrs.axes is None else [int(a) % rank for a in call.attrs.axes]
    return "permute_dims", [("data", call.args[0])], {"axes": axes}


def _concat(call: Any, line: StraightLine) -> Described:
    fields = line.definition(call.args[0]).fields
    axis = 0 if call.attrs.axis is None else int(call.attrs.axis)
    rank = len(shape_of(fields[0]))
    return "concat", [(f"in{i}", f) for i, f in enumerate(fields)], {"axis": axis % rank}


def _split(call: Any, _: StraightLine) -> Described:
    shape = shape_of(call.args[0])
    axis = int(call.attrs.axis) % len(shape)
    sections = call.attrs.indices_or_sections
    if isinstance(sections, int) or hasattr(sections, "value"):
        count = int(_plain(sections))
        size = -(-shape[axis] // count)
        indices = [size * i for i in range(1, count)]
    else:
        indices = [int(i) for i in sections]
    return "split", [("data", call.args[0])], {"axis": axis, "indices": indices}


def _strided_slice(call: Any, line: StraightLine) -> Described:
    data = call.args[0]
    shape = shape_of(data)

    def numbers(expr: Any) -> list[int]:
        expr = line.definition(expr)
        return [int(v) for v in (expr.values if isinstance(expr, relax.ShapeExpr) else expr.fields)]

    lists = [numbers(a) for a in call.args[1:]]
    axes = [a % len(shape) for a in lists[0]]
    strides = lists[3] if len(lists) > 3 else [1] * len(axes)
    begin, end = [], []
    for axis, first, last, stride in zip(axes, lists[1], lists[2], strides, strict=True):
        start, stop, _ = slice(first, last if last > -(2**31) else None, stride).indices(shape[axis])
        begin.append(start)
        end.append(stop)
    attrs = {"axes": axes, "begin": begin, "end": end, "strides": strides}
    return "strided_slice", [("data", data)], attrs


def _take(call: Any, _: StraightLine) -> Described:
    rank = len(shape_of(call.args[0]))
    axis = 0 if call.attrs.axis is None else int(call.attrs.axis) % rank
    return "take", [("data", call.args[0]), ("indices", call.args[1])], {"axis": axis}


def _tile(call: Any, _: StraightLine) -> Described:
    return "tile", [("data", call.args[0])], {"repeats": [int(r) for r in call.attrs.repeats]}


_MOVEMENT = {
    "relax.reshape": _reshape,
    "relax.permute_dims": _permute_dims,
    "relax.concat": _concat,
    "relax.split": _split,
    "relax.strided_slice": _strided_slice,
    "relax.take": _take,
    "relax.tile": _tile,
}
