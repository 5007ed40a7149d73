"""Quantized multiplication, four elements at a time.

Differences to the zero points are made of two bytes at once, as int16.  With ``p`` twice their product, TFLite's two
roundings are ``h = (p * multiplier + 2**31) >> 32`` and ``(h + 2**(s-1) + (-1 if h < 0 else 0)) >> s``.  The zero point
fits into the constant of the second, and ``p < 0`` says as much as ``h < 0``: where only `p` is negative, `h` is 0, and
one less than the half is rounded to 0 too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tvm_patch.kernels.c.elementwise import PackedElementwise
from tvm_patch.kernels.c.fixed_point import multiply_by_quantized_multiplier
from tvm_patch.kernels.elementwise import ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.ir import call
from tvm_patch.kernels.mul import Mul
from tvm_patch.kernels.named import bind
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr

_MOST_SHIFT = 20
"""Up to here neither the constant nor its sum with `h`, which is below 2**17, leaves int32."""


class _PackedMul(PackedElementwise, Mul):
    multiply = staticmethod(multiply_by_quantized_multiplier)

    def clamped(self, scaled: Expr) -> Expr:
        """Return the rescaled product with the zero point, clamped: one SSAT where the range is int8's own."""
        attrs = self.op.attrs
        # A shift to the right leaves room for the zero point.
        if attrs["shift"] <= 0 and self._saturates:
            return T.call_extern("int32", "tvmp_ssat8", scaled + int(attrs["output_zero_point"]))
        return super().clamped(scaled)

    @property
    def _saturates(self) -> bool:
        """Whether the activation's range is int8's own."""
        return (self.op.attrs["act_min"], self.op.attrs["act_max"]) == (-128, 127)

    def lanes(self, loaded: Sequence[Expr], packed: Sequence[bool]) -> Iterator[Expr]:
        """Yield the four products of two words; see :class:`PackedElementwise`."""
        right, multiplier = -int(self.op.attrs["shift"]), int(self.op.attrs["multiplier"])
        if not (self._saturates and all(packed) and 1 <= right <= _MOST_SHIFT and multiplier >= 0):
            yield from super().lanes(loaded, packed)
            return
        zero_points = [int(self.op.attrs[f"{name}_zero_point"]) for name in self.operand_names]
        lhs, rhs = (differences(word, z) for word, z in zip(loaded, zero_points, strict=True))
        doubled = [bind("doubled", call("uint32", "tvmp_sadd16", pair, pair)) for pair in rhs]
        constant = (2 * int(self.op.attrs["output_zero_point"]) + 1) * (1 << (right - 1))
        for lane in range(4):
            product = "tvmp_smultt" if lane > 1 else "tvmp_smulbb"
            p = bind("product", call("int32", product, lhs[lane % 2], doubled[lane % 2]))
            rounding = constant if self._positive else call("int32", "tvmp_add_sign", constant, p)
            high = call("int32", "tvmp_smmlar", p, multiplier, rounding)
            yield call("int32", "tvmp_ssat8", T.shift_right(high, T.int32(right)))

    @property
    def _positive(self) -> bool:
        """Whether no product is negative."""
        return all(int(self.op.attrs[f"{name}_zero_point"]) == -128 for name in self.operand_names)


def differences(word: Expr, zero_point: int) -> tuple[Expr, Expr]:
    """Return bytes 0 and 2, and bytes 1 and 3, of a word less a zero point, as pairs of int16."""
    minus = ((-zero_point) & 0xFFFF) * 0x10001
    return (
        bind("even", call("uint32", "tvmp_sxtab16", T.uint32(minus), word)),
        bind("odd", call("uint32", "tvmp_sxtab16_ror8", T.uint32(minus), word)),
    )


@register
class PackedMulTensor(_PackedMul, ElementwiseTensor):
    """Multiplication over tensors of any rank."""


@register
class PackedMulRow(_PackedMul, ElementwiseRow):
    """Multiplication over one row."""
