"""PositiveMultipliers: filters whose scale is negative are turned round."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tvm

from relay_passes.dialect import build_call, op_def
from relay_passes.dialect.weighted import CONSTANTS
from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, constant, constant_value, replace_main
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var

_INT32 = 1 << 31
_WIDEST = 255
"""Greatest distance of an int8 from a zero point."""

BoolArray = npt.NDArray[np.bool_]


@tvm.ir.transform.module_pass(opt_level=0, name="PositiveMultipliers")
class PositiveMultipliers:
    """Negate weights, bias and multiplier of the output channels whose multiplier is negative.

    Networks whose batch normalizations had a negative factor come with negative scales.  Sum and multiplier meet in a
    product only, so results are the same bits.  The rescalings that kernels do in two instructions rise with the sum;
    one negative multiplier would keep a whole layer from them.

    A filter stays as it is where a weight is -128, whose opposite is no int8, or where its sums could leave int32.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module without multipliers that are negative and need not be."""
        changed = False

        def change(var: Var, value: Expr, new: dict[Var, Expr]) -> Expr | None:
            nonlocal changed
            definition = op_def(value)
            if definition is None or definition.constants != CONSTANTS:
                return None
            operands = dict(zip(definition.arguments, value.args, strict=True))
            weight, bias, multiplier = (constant_value(operands[n]) for n in ("weight", "bias", "multiplier"))
            axis = 3 if definition.name == "depthwise_conv2d" else 0
            turned = (multiplier < 0) & (multiplier > np.iinfo(multiplier.dtype).min)
            turned &= _can_turn(np.moveaxis(weight, axis, 0), bias)
            if not turned.any():
                return None
            changed = True
            sign = np.where(turned, -1, 1)
            along = sign.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
            operands |= {
                "weight": constant((weight * along).astype(weight.dtype)),
                "bias": constant((bias * sign).astype(bias.dtype)),
                "multiplier": constant((multiplier * sign).astype(multiplier.dtype)),
            }
            attrs = {name: value.attrs[name] for name in definition.attributes}
            return build_call(definition.name, list(operands.values()), **attrs)

        rewritten = rewrite(StraightLine.main_of(module), change)
        return replace_main(module, rewritten) if changed else module


def _can_turn(filters: np.ndarray, bias: np.ndarray) -> BoolArray:
    """Tell of which filters (channels first) no weight and no sum leaves its type when it is negated."""
    flat = filters.reshape(len(filters), -1).astype(np.int64)
    reach = np.abs(flat).sum(axis=1) * _WIDEST + np.abs(bias.astype(np.int64))
    turnable: BoolArray = (flat.min(axis=1, initial=0) > -128) & (reach < _INT32)
    return turnable
