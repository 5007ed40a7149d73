"""ReorderBindings: run the operators of ``main`` in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import tvm
from tvm import relax

from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, operands, replace_main
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var


@tvm.ir.transform.module_pass(opt_level=0, name="ReorderBindings")
class ReorderBindings:
    """Bind the operators in another order; everything else of ``main`` follows them.

    Parameters
    ----------
    order : sequence of int
        Indices of operators in their present order, each once, every maker before its readers.

    Raises
    ------
    ValueError
        When that is not so.
    """

    def __init__(self, order: Sequence[int]) -> None:
        self.order = tuple(int(i) for i in order)

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module with its bindings in the new order."""
        line = StraightLine.main_of(module)
        calls = [var for var, value in line.bindings if isinstance(value, relax.Call)]
        if sorted(self.order) != list(range(len(calls))):
            raise ValueError(f"not a permutation of the {len(calls)} operators")
        bound: dict[Var, Expr] = {}
        waiting = set(calls)

        def bind(var: Var) -> None:
            """Bind what only renames or takes apart, as far as it is needed."""
            if var in bound or var not in line.values:
                return
            if var in waiting:
                raise ValueError(f"{var.name} is read before it is made")
            for operand in operands(line.values[var]):
                if isinstance(operand, relax.Var):
                    bind(operand)
            bound[var] = line.values[var]

        for index in self.order:
            waiting.discard(calls[index])
            bind(calls[index])
        for var, _ in line.bindings:
            bind(var)
        function = rewrite(replace(line, bindings=list(bound.items())), lambda _var, _value, _new: None)
        return replace_main(module, function)
