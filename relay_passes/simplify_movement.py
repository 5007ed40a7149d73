"""SimplifyMovement: data movement that moves nothing disappears, reshapes of reshapes become one."""

from __future__ import annotations

from typing import Any

import tvm
from tvm import relax

from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, op_name, replace_main, shape_of

Expr = Any


@tvm.ir.transform.module_pass(opt_level=0, name="SimplifyMovement")
class SimplifyMovement:
    """Remove reshapes and transposes that change nothing, and merge reshape → reshape.

    A transpose that only moves dimensions of extent 1 becomes a reshape, which costs nothing at run time.
    """

    def transform_module(self, module: Any, context: Any) -> Any:
        """Return the simplified module."""
        line = StraightLine.main_of(module)
        made: dict[Any, Expr] = {}

        def change(var: Any, value: Expr, new: dict[Any, Expr]) -> Expr | None:
            kind = op_name(value)
            if kind not in ("relax.reshape", "relax.permute_dims"):
                return None
            data = value.args[0]
            if kind == "relax.permute_dims" and not _only_renames(value):
                return None
            # `data` is bound in the function being built; what it reshapes is kept there by name.
            source = made.get(data, data)
            shape = shape_of(line.values[var])
            if shape_of(source) == shape and (var not in line.outputs or not isinstance(source, relax.Var)):
                return source
            result = relax.op.reshape(source, list(shape))
            pending.append((var, source))
            return result

        pending: list[tuple[Any, Expr]] = []

        def change_and_remember(var: Any, value: Expr, new: dict[Any, Expr]) -> Expr | None:
            for old, source in pending:
                made[new[old]] = source
            pending.clear()
            return change(var, value, new)

        return replace_main(module, rewrite(line, change_and_remember))


def _only_renames(call: Expr) -> bool:
    """Tell whether a permute_dims keeps the order of all dimensions that are not 1."""
    shape = shape_of(call.args[0])
    axes = call.attrs.axes
    order = [int(a) % len(shape) for a in axes] if axes is not None else list(range(len(shape)))[::-1]
    real = [a for a in order if shape[a] != 1]
    return real == sorted(real)
