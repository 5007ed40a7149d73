"""What a legalization rule sees: one quantized operator written as dequantize → float operators → quantize."""

from __future__ import annotations

import math

import numpy as np

from relay_passes.constants import ConstantFolder
from relay_passes.quant_values import QuantConstant, QuantTensor
from relay_passes.straight_line import constant, dtype_of, op_name, shape_of
from tvm_patch.errors import UnsupportedError
from tvm_patch.tvm_types import Expr


class Island:
    """One ``quantize`` and the float operators that feed it.

    Attributes
    ----------
    name : str
        Name of the binding of the ``quantize``.
    out : QuantParams
        What the ``quantize`` makes.
    out_shape : tuple of int
    body : relax.Expr
        The float operator, with trailing ReLU and clip operators taken off into `clip_range`.
    clip_range : tuple of float
        Clamp on the float result; infinite where there is none.
    """

    def __init__(self, name: str, quantize: Expr, folder: ConstantFolder) -> None:
        self.name = name
        self._folder = folder
        out = folder.params_of(quantize)
        if out is None:
            raise self.refuse("activations quantized per channel", "quantize activations per tensor")
        self.out = out
        self.out_shape = shape_of(quantize)
        self.body, self.clip_range = self._without_activation(folder.line.definition(quantize.args[0]))

    def _without_activation(self, expr: Expr) -> tuple[Expr, tuple[float, float]]:
        low, high = -math.inf, math.inf
        while True:
            kind = op_name(expr)
            if kind == "relax.nn.relu":
                inner_low, inner_high = 0.0, math.inf
            elif kind == "relax.clip":
                inner_low, inner_high = float(expr.args[1].value), float(expr.args[2].value)
            else:
                return expr, (low, high)
            # The outer clamp was peeled first and bounds what the inner one leaves.
            low, high = min(max(inner_low, low), high), max(min(inner_high, high), low)
            expr = self._folder.line.definition(expr.args[0])

    @property
    def has_clip(self) -> bool:
        """Whether a ReLU or clip stands between the operator and the ``quantize``."""
        return self.clip_range != (-math.inf, math.inf)

    def definition(self, expr: Expr) -> Expr:
        """Return what `expr` is bound to."""
        return self._folder.line.definition(expr)

    def operand(self, expr: Expr) -> QuantTensor | None:
        """Return the quantized tensor behind `expr`, or None when `expr` is not a ``dequantize`` of one."""
        call = self.definition(expr)
        if op_name(call) != "relax.dequantize":
            return None
        params = self._folder.params_of(call)
        if params is None:
            return None
        value = self._folder.value(call.args[0])
        source = constant(value) if value is not None else self._folder.integer(call.args[0])
        return QuantTensor(source, params, shape_of(call.args[0]), value)

    def weights(self, expr: Expr) -> QuantConstant | None:
        """Return the quantized literal behind `expr` (seen through reshape and permute_dims), or None."""
        return self._folder.quant_constant(expr)

    def literal(self, expr: Expr) -> np.ndarray | None:
        """Return the value of `expr` when it is computed from literals by reshape, permute_dims or multiply."""
        return self._folder.value(expr)

    def scalar(self, expr: Expr) -> float | None:
        """Return a literal of one element as a Python float, or None."""
        value = self.literal(expr)
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 else None

    def refuse(self, what: str, way_out: str = "") -> UnsupportedError:
        """Return the error for something in this island that has no exact integer form."""
        return UnsupportedError(what, f"binding {self.name}", way_out)


def is_integer(expr: Expr) -> bool:
    """Tell whether `expr` is a tensor of integers or truth values."""
    return dtype_of(expr) not in ("", "float32", "float16", "float64")
