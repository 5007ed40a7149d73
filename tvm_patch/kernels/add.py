"""Quantized addition and subtraction.

TFLite rescales each operand to a common scale with 20 fractional bits, adds, and rescales the sum: three
fixed-point multiplications an element.  All multipliers are literals here, and an int8 operand takes 256
values, so the compiler first looks for one affine form ``(a * lhs + b * rhs + c) >> s`` in 32 bits and proves
it against the three multiplications on all 65,536 pairs.  Where none exists (rare), those are printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np

from tvm_patch.integer.requantize import multiply_by_quantized_multiplier
from tvm_patch.kernels.elementwise import Elementwise, ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.fixed_point import bounded_sum
from tvm_patch.kernels.fixed_point import multiply_by_quantized_multiplier as emit_multiply
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_INT32_LIMIT = 1 << 31


@dataclass(frozen=True)
class Additive:
    """The attributes of an ``add`` or ``sub``, as numbers."""

    sign: int
    lhs_zero_point: int
    rhs_zero_point: int
    output_zero_point: int
    left_shift: int
    lhs_multiplier: int
    lhs_shift: int
    rhs_multiplier: int
    rhs_shift: int
    output_multiplier: int
    output_shift: int
    act_min: int
    act_max: int

    @classmethod
    def of(cls, kind: str, attrs: Mapping[str, Any]) -> Additive:
        """Read the attributes of an operator of `kind` (``add`` or ``sub``)."""
        names = [n for n in cls.__dataclass_fields__ if n != "sign"]
        return cls(1 if kind == "add" else -1, **{n: int(attrs[n]) for n in names})

    def reference(self, lhs: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        """Return TFLite's result (int64, clamped) for integer operands."""
        left = multiply_by_quantized_multiplier(
            (lhs - self.lhs_zero_point) << self.left_shift, self.lhs_multiplier, self.lhs_shift
        )
        right = multiply_by_quantized_multiplier(
            (rhs - self.rhs_zero_point) << self.left_shift, self.rhs_multiplier, self.rhs_shift
        )
        total = left.astype(np.int64) + self.sign * right.astype(np.int64)
        scaled = multiply_by_quantized_multiplier(total, self.output_multiplier, self.output_shift)
        return np.clip(scaled.astype(np.int64) + self.output_zero_point, self.act_min, self.act_max)

    @property
    def ratios(self) -> tuple[float, float]:
        """Real factors of the two operands in units of the output."""
        out = self.output_multiplier / 2.0**31 * 2.0 ** (self.output_shift + self.left_shift)
        lhs = self.lhs_multiplier / 2.0**31 * 2.0**self.lhs_shift
        rhs = self.rhs_multiplier / 2.0**31 * 2.0**self.rhs_shift
        return lhs * out, self.sign * rhs * out


@dataclass(frozen=True)
class Affine:
    """``clamp((lhs_factor * lhs + rhs_factor * rhs + bias) >> shift)``, equal to TFLite's for all pairs."""

    lhs_factor: int
    rhs_factor: int
    bias: int
    shift: int


_NEIGHBOURS = sorted(product(range(-4, 5), repeat=2), key=lambda d: (abs(d[0]) + abs(d[1]), d))


@lru_cache(maxsize=256)
def affine_form(add: Additive) -> Affine | None:
    """Return an affine form proven equal to `add` on every pair of int8 values, or None.

    For given factors the biases that satisfy all pairs are an interval, so only the factors are searched: the
    rounded ratios and their neighbours.  A factor slightly too large is what rounds exact halves away from
    zero on both sides.
    """
    values = np.arange(-128, 128, dtype=np.int64)
    lhs, rhs = values[:, None], values[None, :]
    expected = add.reference(lhs, rhs)
    ratios = add.ratios
    reach = max(1.0, sum(abs(r) for r in ratios) * 256 + 256)
    # The largest shift at which no pair leaves 32 bits.
    shift = min(30, int(np.floor(np.log2(_INT32_LIMIT / reach))))
    if shift < 8:
        return None
    base = [round(r * 2.0**shift) for r in ratios]
    # A clamped result only bounds the sum on one side.
    low_free, high_free = expected == add.act_min, expected == add.act_max
    for d_lhs, d_rhs in _NEIGHBOURS:
        a, b = base[0] + d_lhs, base[1] + d_rhs
        line = a * lhs + b * rhs
        at_least = np.max(np.where(low_free, -(1 << 62), (expected << shift) - line))
        at_most = np.min(np.where(high_free, 1 << 62, ((expected + 1) << shift) - 1 - line))
        if at_least > at_most:
            continue
        if abs(at_least) >= 1 << 40 or abs(at_most) >= 1 << 40:  # everything is clamped
            continue
        bias = int(at_least + at_most) // 2
        extreme = 128 * (abs(a) + abs(b)) + abs(bias)
        if extreme < _INT32_LIMIT:
            return Affine(a, b, bias, shift)
    return None


class Add(Elementwise):
    """What all additions and subtractions share."""

    kinds = ("add", "sub")
    operand_names = ("lhs", "rhs")
    multiply = staticmethod(emit_multiply)
    """Emits a fixed-point multiplication."""

    @cached_property
    def additive(self) -> Additive:
        """The attributes, as numbers."""
        return Additive.of(self.op.kind, self.op.attrs)

    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return the clamped sum or difference."""
        return T.cast(self.number([T.cast(v, "int32") for v in values]), "int8")

    def number(self, values: Sequence[Expr]) -> Expr:
        """Return the clamped sum or difference as int32."""
        add = self.additive
        lhs, rhs = values
        affine = affine_form(add)
        if affine is not None:
            return self.clamped(T.shift_right(self.line(affine, lhs, rhs), affine.shift))
        left = self._rescale(lhs, "lhs")
        right = self._rescale(rhs, "rhs")
        total = left + right if add.sign > 0 else left - right
        # Each operand is at most half of 255 << left_shift after rescaling (TFLite halves both on purpose).
        scaled = self.multiply(total, add.output_multiplier, add.output_shift, 256 << add.left_shift)
        return bounded_sum(scaled, add.output_zero_point, add.act_min, add.act_max)

    def line(self, affine: Affine, lhs: Expr, rhs: Expr) -> Expr:
        """Return the affine form before its shift."""
        return lhs * affine.lhs_factor + rhs * affine.rhs_factor + affine.bias

    def clamped(self, value: Expr) -> Expr:
        """Return an int32 expression clamped to the activation's range."""
        return T.max(T.min(value, self.additive.act_max), self.additive.act_min)

    def _rescale(self, value: Expr, side: str) -> Expr:
        """Return one operand on the common scale."""
        add = self.additive
        zero_point, multiplier, shift = (
            getattr(add, f"{side}_{name}") for name in ("zero_point", "multiplier", "shift")
        )
        fine = (value - zero_point) * (1 << add.left_shift)
        return self.multiply(fine, multiplier, shift, 256 << add.left_shift)


@register
class AddTensor(Add, ElementwiseTensor):
    """Addition or subtraction over tensors of any rank."""


@register
class AddRow(Add, ElementwiseRow):
    """Addition or subtraction over one row."""
