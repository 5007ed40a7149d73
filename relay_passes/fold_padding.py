"""FoldPadding: a dialect ``pad`` goes into the padding of the windows behind it, where that is exact."""

from __future__ import annotations

import tvm

from relay_passes.dialect import build_call, is_dialect_call, op_def
from relay_passes.rewriting import rewrite
from relay_passes.straight_line import StraightLine, replace_main, shape_of
from tvm_patch.tvm_types import Expr, IRModule, PassContext, Var

INT8_MIN = -128


@tvm.ir.transform.module_pass(opt_level=0, name="FoldPadding")
class FoldPadding:
    """Fold padding of rows and columns into conv2d, depthwise_conv2d and max_pool2d.

    A convolution pads with its input's zero point, so the pad's value must be that.  A max pool leaves padding
    out, which is the same as padding with the least int8.  An average pool divides by the elements inside the
    tensor, so it never absorbs a pad.  A pad with several readers goes only when all of them can absorb it:
    otherwise it would have to be computed anyway.
    """

    def transform_module(self, module: IRModule, context: PassContext) -> IRModule:
        """Return the module without the pads that could be folded."""
        line = StraightLine.main_of(module)
        consumers = line.consumers()
        folded = {
            var: _borders(value)
            for var, value in line.bindings
            if is_dialect_call(value, "pad")
            and var not in line.outputs
            and consumers.get(var)
            and all(_absorbs(line.values[reader], value, var) for reader in consumers[var])
        }

        def change(var: Var, value: Expr, new: dict[Var, Expr]) -> Expr | None:
            if var in folded:
                return value.args[0]
            data = line.resolve(line.values[var].args[0]) if op_def(value) is not None else None
            if data not in folded:
                return None
            definition = op_def(value)
            assert definition is not None
            attrs = {name: value.attrs[name] for name in definition.attributes}
            attrs["padding"] = [int(p) + b for p, b in zip(attrs["padding"], folded[data], strict=True)]
            return build_call(definition.name, value.args, **attrs)

        return replace_main(module, rewrite(line, change)) if folded else module


def _borders(pad: Expr) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of a pad of NHWC data."""
    width = [int(w) for w in pad.attrs["pad_width"]]
    return width[2], width[4], width[3], width[5]


def _absorbs(reader: Expr, pad: Expr, var: Var) -> bool:
    width = [int(w) for w in pad.attrs["pad_width"]]
    if len(shape_of(pad.args[0])) != 4 or any(width[i] for i in (0, 1, 6, 7)) or min(width) < 0:
        return False
    value = int(pad.attrs["pad_value"])
    if is_dialect_call(reader, "conv2d") or is_dialect_call(reader, "depthwise_conv2d"):
        return value == int(reader.attrs["input_zero_point"])
    return is_dialect_call(reader, "max_pool2d") and value == INT8_MIN
