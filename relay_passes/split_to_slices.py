"""SplitToSlices: the parts of a picture that is split are slices of it, each made when it is read."""

from __future__ import annotations

import tvm
from tvm import relax

from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, op_name, replace_main, shape_of
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var


@tvm.ir.transform.module_pass(opt_level=0, name="SplitToSlices")
class SplitToSlices:
    """Cut parts out of tensors of four dimensions one by one.

    An operator that makes several tensors at once needs all of them whole.  A slice works row by row.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module without splits of pictures."""
        line = StraightLine.main_of(module)
        splits = {var: value for var, value in line.bindings if _splits(value)}
        if not splits:
            return module

        def change(var: Var, value: Expr, new: dict[Var, Expr]) -> Expr | None:
            if not isinstance(value, relax.TupleGetItem):
                return None
            split = splits.get(line.resolve(line.values[var].tuple_value))
            if split is None:
                return None
            data, rank = line.resolve(split.args[0]), len(shape_of(split.args[0]))
            axis, parts = (
                int(split.attrs.axis) % rank,
                [int(f.shape[int(split.attrs.axis)]) for f in split.ty.fields],
            )
            begin = sum(parts[: int(value.index)])
            end = begin + parts[int(value.index)]
            return relax.op.strided_slice(new.get(data, data), [axis], [begin], [end], [1])

        return replace_main(module, rewrite(line, change))


def _splits(value: Expr) -> bool:
    return op_name(value) == "relax.split" and len(shape_of(value.args[0])) == 4
