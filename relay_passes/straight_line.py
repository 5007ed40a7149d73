"""Reading and rebuilding straight-line Relax functions.

Every network here is one function without control flow.  Passes read it through :class:`StraightLine` (what is
bound to what) and write a new one through :class:`FunctionBuilder`, which infers types, keeps names unique and
drops what nobody uses.  That is a great deal quicker than a Python mutator, which normalizes every node again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tvm
import tvm_ffi
from tvm import relax

from tvm_patch.errors import UnsupportedError
from tvm_patch.tvm_types import Expr, IRModule, RelaxFunction, Var

MAIN = "main"

# A pass is called through TVM's C++: without this, what it raises arrives as a RuntimeError.
tvm_ffi.error.register_error("UnsupportedError", UnsupportedError)


def op_name(expr: Expr) -> str:
    """Return the name of the operator that `expr` calls, or ``""`` when it is not a call of an operator."""
    if isinstance(expr, relax.Call) and isinstance(expr.op, tvm.ir.Op):
        return str(expr.op.name)
    return ""


def is_constant(expr: Expr) -> bool:
    """Tell whether `expr` is a literal array."""
    return isinstance(expr, tvm.ir.GenericConst)


def constant_value(expr: Expr) -> np.ndarray:
    """Return the array of a literal."""
    return np.asarray(expr.value.numpy())


def constant(value: np.ndarray) -> Expr:
    """Return a literal that holds `value` (dtype kept)."""
    array = np.asarray(value, order="C")
    return relax.const(array, str(array.dtype))


def shape_of(expr: Expr) -> tuple[int, ...]:
    """Return the static shape of a tensor expression."""
    return tuple(int(d) for d in expr.ty.shape)


def dtype_of(expr: Expr) -> str:
    """Return the dtype of a tensor expression, or ``""`` for a tuple."""
    return str(expr.ty.dtype) if isinstance(expr.ty, relax.TensorType) else ""


def operands(expr: Expr) -> Iterator[Expr]:
    """Yield the variables and literals that `expr` reads, tuples taken apart."""
    if isinstance(expr, relax.Call):
        for argument in expr.args:
            yield from operands(argument) if isinstance(argument, relax.Tuple) else (argument,)
    elif isinstance(expr, relax.Tuple):
        for field in expr.fields:
            yield from operands(field) if isinstance(field, relax.Tuple) else (field,)
    elif isinstance(expr, relax.TupleGetItem):
        yield expr.tuple_value
    else:
        yield expr


def with_operands(expr: Expr, replace: Callable[[Expr], Expr]) -> Expr:
    """Return `expr` with every operand ``x`` replaced by ``replace(x)``; tuples among arguments are kept."""

    def change(operand: Expr) -> Expr:
        if isinstance(operand, relax.Tuple):
            return relax.Tuple([change(f) for f in operand.fields])
        return replace(operand)

    if isinstance(expr, relax.Call):
        return relax.Call(expr.op, [change(a) for a in expr.args], expr.attrs, expr.ty_args)
    if isinstance(expr, relax.TupleGetItem):
        return relax.TupleGetItem(change(expr.tuple_value), expr.index)
    return change(expr)


@dataclass
class StraightLine:
    """A function without control flow, taken apart.

    Attributes
    ----------
    params : list of relax.Var
    bindings : list of (relax.Var, relax.Expr)
        In order.
    outputs : list of relax.Expr
        What the function returns, tuples and aliases taken apart.
    returns_tuple : bool
        Whether it returns a tuple.
    attrs : dict
        Attributes of the function.
    """

    params: list[Var]
    bindings: list[tuple[Var, Expr]]
    outputs: list[Expr]
    returns_tuple: bool
    attrs: dict[str, Any]

    def __post_init__(self) -> None:
        self.values: dict[Var, Expr] = dict(self.bindings)

    @classmethod
    def of(cls, function: RelaxFunction) -> StraightLine:
        """Take `function` apart.

        Raises
        ------
        UnsupportedError
            When it has control flow or bindings of another kind than ``var = value``.
        """
        if not isinstance(function.body, relax.SeqExpr):
            raise UnsupportedError(
                "the function is not in normal form", str(MAIN), "run relax.transform.Normalize"
            )
        bindings: list[tuple[Var, Expr]] = []
        for block in function.body.blocks:
            for binding in block.bindings:
                if not isinstance(binding, relax.VarBinding) or isinstance(binding.value, relax.If):
                    raise UnsupportedError(
                        "control flow and dynamic shapes cannot be compiled",
                        f"binding {binding.var.name}",
                        "export the network with static shapes and without branches",
                    )
                bindings.append((binding.var, binding.value))
        line = cls(list(function.params), bindings, [], False, dict(function.attrs) if function.attrs else {})
        result = line.resolve(function.body.body)
        if isinstance(result, relax.Var) and isinstance(line.values.get(result), relax.Tuple):
            result = line.values[result]
        line.returns_tuple = isinstance(result, relax.Tuple)
        line.outputs = [line.resolve(f) for f in result.fields] if line.returns_tuple else [result]
        return line

    @classmethod
    def main_of(cls, module: IRModule) -> StraightLine:
        """Take the function ``main`` of `module` apart."""
        return cls.of(module[MAIN])

    def resolve(self, expr: Expr) -> Expr:
        """Follow aliases (``a = b``) to the variable that holds a real value, or to a literal."""
        while isinstance(expr, relax.Var):
            value = self.values.get(expr)
            if isinstance(value, relax.Var) or (value is not None and is_constant(value)):
                expr = value
            elif isinstance(value, relax.TupleGetItem):
                source = self.resolve(value.tuple_value)
                made = source if isinstance(source, relax.Tuple) else self.values.get(source)
                if not isinstance(made, relax.Tuple):
                    return expr
                expr = made.fields[int(value.index)]
            else:
                return expr
        return expr

    def definition(self, expr: Expr) -> Expr:
        """Return what `expr` is bound to; parameters and literals stand for themselves."""
        source = self.resolve(expr)
        return self.values.get(source, source) if isinstance(source, relax.Var) else source

    def consumers(self) -> dict[Var, list[Var]]:
        """Return for every variable the variables whose bindings read it, in order, each once."""
        readers: dict[Var, list[Var]] = {}
        for var, value in self.bindings:
            for operand in dict.fromkeys(o for o in operands(value) if isinstance(o, relax.Var)):
                readers.setdefault(operand, []).append(var)
        return readers


class FunctionBuilder:
    """Builds a straight-line function; see the module's text.

    Parameters
    ----------
    params : sequence of relax.Var
        Parameters of the new function.
    attrs : mapping
        Its attributes.
    """

    def __init__(self, params: Sequence[Var], attrs: Mapping[str, Any]) -> None:
        self.params = list(params)
        self.attrs = dict(attrs)
        self._bindings: list[tuple[Var, Expr]] = []
        self._names: set[str] = {p.name for p in params}
        self._block_builder = relax.BlockBuilder()

    def emit(self, value: Expr, name: str, output: bool = False) -> Var:
        """Bind `value` under a name near `name`; `output` marks what the function will return."""
        value = self._block_builder.normalize(value)
        var = (relax.Var if output else relax.DataflowVar)(self._unique(name), value.ty)
        self._bindings.append((var, value))
        return var

    def _unique(self, name: str) -> str:
        base = re.sub(r"[^A-Za-z0-9_]", "_", name) or "value"
        unique, count = base, 1
        while unique in self._names:
            unique, count = f"{base}_{count}", count + 1
        self._names.add(unique)
        return unique

    def finish(self, outputs: Sequence[Expr], returns_tuple: bool) -> RelaxFunction:
        """Return the function; bindings that no output needs are left out."""
        results = []
        for i, out in enumerate(outputs):
            # A dataflow block may only hand out plain variables that it binds itself.
            inner = isinstance(out, relax.Var) and not isinstance(out, relax.DataflowVar)
            alias = not inner or out in self.params
            results.append(
                self.emit(out, f"output_{i}" if is_constant(out) else out.name, True) if alias else out
            )
        needed = set(results)
        kept = []
        for var, value in reversed(self._bindings):
            if var in needed:
                needed.update(o for o in operands(value) if isinstance(o, relax.Var))
                kept.append(relax.VarBinding(var, value))
        body = relax.Tuple(results) if returns_tuple else results[0]
        body = self._block_builder.normalize(body)
        sequence = relax.SeqExpr([relax.DataflowBlock(kept[::-1])], body)
        attrs = tvm.ir.make_node("ir.DictAttrs", **self.attrs)
        return relax.Function(self.params, self._block_builder.normalize(sequence), body.ty, True, attrs)


def replace_main(module: IRModule, function: RelaxFunction) -> IRModule:
    """Return `module` with another ``main``; everything else is kept."""
    functions = {gv: f for gv, f in module.functions.items() if gv.name_hint != MAIN}
    functions[tvm.ir.GlobalVar(MAIN)] = function.with_attr("global_symbol", MAIN)
    return tvm.IRModule(functions, attrs=module.attrs)
