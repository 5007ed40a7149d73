"""Constants of a QDQ module: literals behind reshapes and transposes, scales, quantized weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tvm import relax

from relay_passes.quant_values import QuantConstant, QuantParams
from relay_passes.straight_line import StraightLine, constant_value, is_constant, op_name, shape_of
from tvm_patch.tvm_types import Expr


class ConstantFolder:
    """Answers what is known at compile time about expressions of a QDQ function.

    Parameters
    ----------
    line : StraightLine
        The function.
    integer : callable
        Gives the expression, in the function being built, that stands for an integer variable of `line`.
    """

    def __init__(self, line: StraightLine, integer: Callable[[Expr], Expr]) -> None:
        self.line = line
        self.integer = integer
        self._values: dict[Expr, np.ndarray | None] = {}

    def value(self, expr: Expr) -> np.ndarray | None:
        """Return the array that `expr` always has, or None when it depends on the input."""
        source = self.line.resolve(expr)
        if is_constant(source):
            return constant_value(source)
        if not isinstance(source, relax.Var):
            return self._compute(source)
        if source not in self._values:
            definition = self.line.values.get(source)
            self._values[source] = self._compute(definition) if definition is not None else None
        return self._values[source]

    def _compute(self, call: Expr) -> np.ndarray | None:
        kind = op_name(call)
        if kind in ("relax.reshape", "relax.permute_dims", "relax.astype"):
            data = self.value(call.args[0])
            return None if data is None else _moved(kind, call, data)
        if kind == "relax.multiply":
            left, right = self.value(call.args[0]), self.value(call.args[1])
            return None if left is None or right is None else left * right
        return None

    def scale_and_zero_point(self, call: Expr) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the literal scales and zero points of a quantize or dequantize, or None."""
        scale, zero_point = self.value(call.args[1]), self.value(call.args[2])
        if scale is None or zero_point is None:
            return None
        return scale.astype(np.float32).reshape(-1), zero_point.astype(np.int64).reshape(-1)

    def params_of(self, call: Expr) -> QuantParams | None:
        """Return the parameters of a per-tensor quantize or dequantize, or None when there are several."""
        pair = self.scale_and_zero_point(call)
        if pair is None or pair[0].size != 1 or pair[1].size != 1:
            return None
        integer_side = call if op_name(call) == "relax.quantize" else call.args[0]
        return QuantParams(float(pair[0][0]), int(pair[1][0]), str(integer_side.ty.dtype))

    def quant_constant(self, expr: Expr) -> QuantConstant | None:
        """Return the dequantized literal behind `expr`, moved as the float operators in between move it."""
        call = self.line.definition(expr)
        kind = op_name(call)
        if kind == "relax.dequantize":
            value, pair = self.value(call.args[0]), self.scale_and_zero_point(call)
            if value is None or pair is None or np.unique(pair[1]).size != 1:
                return None
            return QuantConstant(value, pair[0], int(pair[1][0]))
        if kind in ("relax.reshape", "relax.permute_dims"):
            inner = self.quant_constant(call.args[0])
            if inner is None:
                return None
            return QuantConstant(_moved(kind, call, inner.value), inner.scales, inner.zero_point)
        return None


def _moved(kind: str, call: Expr, data: np.ndarray) -> np.ndarray:
    if kind == "relax.reshape":
        return data.reshape(shape_of(call))
    if kind == "relax.astype":
        return data.astype(str(call.ty.dtype))
    axes = call.attrs.axes
    return data.transpose([int(a) for a in axes] if axes is not None else None)
