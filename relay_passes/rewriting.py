"""A loop that most passes share: walk the bindings in order, replace some, keep the rest."""

from __future__ import annotations

from collections.abc import Callable

from relay_passes.straight_line import FunctionBuilder, StraightLine, is_constant, with_operands
from tvm_patch.tvm_types import Expr, RelaxFunction, Var


def rewrite(line: StraightLine, change: Callable[[Var, Expr, dict[Var, Expr]], Expr | None]) -> RelaxFunction:
    """Return the function of `line` with some bindings replaced.

    Parameters
    ----------
    line : StraightLine
    change : callable
        ``change(var, value, new)`` gets a binding with its operands already replaced, and the new expression of
        every old variable.  It returns the value to bind instead (a variable or literal stands for itself and
        binds nothing), or None to keep the binding.
    """
    builder = FunctionBuilder(line.params, line.attrs)
    new: dict[Var, Expr] = {}
    results = set(line.outputs)

    def current(expr: Expr) -> Expr:
        source = line.resolve(expr)
        return new.get(source, new.get(expr, source))

    for var, value in line.bindings:
        if line.resolve(var) is not var and line.resolve(var) != var:
            continue  # an alias: readers look through it
        renewed = with_operands(value, current)
        replacement = change(var, renewed, new)
        final = renewed if replacement is None else replacement
        plain = is_constant(final) or (not hasattr(final, "op") and hasattr(final, "name"))
        new[var] = final if plain else builder.emit(final, var.name, var in results)
    return builder.finish([current(o) for o in line.outputs], line.returns_tuple)
