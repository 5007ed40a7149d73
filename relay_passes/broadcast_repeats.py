"""BroadcastRepeats: what repeats a pixel, a row or a channel for an element-wise operator goes: it broadcasts."""

from __future__ import annotations

import tvm

from relay_passes.dialect import build_call, is_dialect_call, op_def
from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, op_name, replace_main, shape_of
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var

BROADCASTING = ("add", "sub", "mul", "maximum", "minimum")
"""Operators of two tensors that broadcast."""


@tvm.ir.transform.module_pass(opt_level=0, name="BroadcastRepeats")
class BroadcastRepeats:
    """Read what is repeated instead of its repetitions, where the reader is element-wise and broadcasts.

    Repeated are a TILE along axes of extent 1 and a 1×1 tensor that is resized to the nearest pixel.  Every element
    of the reader meets the same two values as before, and the repetitions need no memory.  The other operand must
    have the reader's whole shape without them.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module whose element-wise operators repeat their operands themselves."""
        line = StraightLine.main_of(module)
        changed = False

        def change(var: Var, value: Expr, new: dict[Var, Expr]) -> Expr | None:
            nonlocal changed
            definition = op_def(value)
            if definition is None or definition.name not in BROADCASTING:
                return None
            operands, shape = list(value.args), shape_of(line.values[var])
            for i, operand in enumerate(line.values[var].args):
                repeated = line.definition(operand)
                other = shape_of(operands[1 - i])
                if _repeats(repeated) and other == shape:
                    source = line.resolve(repeated.args[0])
                    operands[i] = new.get(source, source)
            if operands == list(value.args):
                return None
            changed = True
            attrs = {name: value.attrs[name] for name in definition.attributes}
            return build_call(definition.name, operands, **attrs)

        rewritten = rewrite(line, change)
        return replace_main(module, rewritten) if changed else module


def _repeats(value: Expr) -> bool:
    """Tell whether all that `value` does is to repeat axes of extent 1."""
    if op_name(value) != "relax.tile" and not is_dialect_call(value, "resize_nearest"):
        return False
    before, after = shape_of(value.args[0]), shape_of(value)
    return len(before) == len(after) and all(a in (b, 1) for a, b in zip(before, after, strict=True))
