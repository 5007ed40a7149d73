"""SimplifyMovement: data movement that moves nothing disappears, reshapes of reshapes become one."""

from __future__ import annotations

import tvm
from tvm import relax

from relay_passes.dialect import is_dialect_call
from relay_passes.move_transposes import axes_of, only_renames
from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, op_name, replace_main, shape_of
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var


@tvm.ir.transform.module_pass(opt_level=0, name="SimplifyMovement")
class SimplifyMovement:
    """Remove reshapes, transposes and paddings that change nothing, and merge reshape → reshape.

    A transpose that only moves dimensions of extent 1 is a reshape.  A dialect ``fully_connected`` reads its data
    as rows whatever the shape, so a reshape in front of it goes too.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the simplified module."""
        line = StraightLine.main_of(module)

        def source_of(var: Var, new: dict[Var, Expr]) -> Expr:
            """Return the new expression of what `var` is before any renaming of dimensions."""
            root = line.resolve(var)
            while _only_renames(line.definition(root)):
                root = line.resolve(line.definition(root).args[0])
            return new.get(root, root)

        def change(var: Var, value: Expr, new: dict[Var, Expr]) -> Expr | None:
            old = line.values[var]
            if is_dialect_call(old, "fully_connected"):
                return relax.Call(value.op, [source_of(old.args[0], new), *value.args[1:]], value.attrs)
            if not _only_renames(old):
                return None
            source = source_of(old.args[0], new)
            if shape_of(source) == shape_of(old) and var not in line.outputs:
                return source
            return relax.op.reshape(source, list(shape_of(old)))

        return replace_main(module, rewrite(line, change))


def _only_renames(value: Expr) -> bool:
    """Tell whether `value` is a reshape, a padding by nothing, or a transpose that moves dimensions of 1 only."""
    if is_dialect_call(value, "pad"):
        return not any(int(w) for w in value.attrs["pad_width"])
    if op_name(value) != "relax.permute_dims":
        return op_name(value) == "relax.reshape"
    return only_renames(shape_of(value.args[0]), axes_of(value))
