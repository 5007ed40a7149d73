"""The borders between float32 and 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from tvm_patch.kernels.elementwise import Elementwise, ElementwiseRow, ElementwiseTensor
from tvm_patch.kernels.named import bind
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr

_RANGE = {"int8": (-128, 127), "uint8": (0, 255)}
_BEYOND = 1024.0
"""Quotients are clamped to this before conversion: larger ones saturate anyway."""


class _Scaled(Elementwise):
    @property
    def tables(self) -> dict[str, np.ndarray]:
        """The scale, as data: TVM's C printer writes float literals with seven digits only."""
        return {"scale": np.array([self.op.attrs["scale"]], np.float32)}


class _Quantize(_Scaled):
    kinds = ("quantize",)

    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return ``clamp(round(x / scale) + zero_point)``, halves away from zero; NaN gives the least value.

        Rounding needs no libm: the fraction left by a conversion to int is exact.
        """
        dtype = str(self.op.attrs["dtype"])
        low, high = _RANGE[dtype]
        zero_point = int(self.op.attrs["zero_point"])
        ratio = bind("ratio", values[0] / tables["scale"][0])
        # Written so that a NaN, for which every comparison is false, takes the lower bound.
        above = T.Select(ratio > T.float32(-_BEYOND), ratio, T.float32(-_BEYOND))
        bounded = T.Select(above < T.float32(_BEYOND), above, T.float32(_BEYOND))
        whole = T.cast(bounded, "int32")
        fraction = bounded - T.cast(whole, "float32")
        up = T.Select(fraction >= T.float32(0.5), 1, 0)
        down = T.Select(fraction <= T.float32(-0.5), 1, 0)
        rounded = whole + up - down + zero_point
        return T.cast(T.max(T.min(rounded, high), low), dtype)


class _Dequantize(_Scaled):
    kinds = ("dequantize",)

    def element(self, values: Sequence[Expr], tables: Mapping[str, Buffer]) -> Expr:
        """Return ``scale * (q - zero_point)`` in float32."""
        centred = T.cast(values[0], "int32") - int(self.op.attrs["zero_point"])
        return tables["scale"][0] * T.cast(centred, "float32")


@register
class QuantizeTensor(_Quantize, ElementwiseTensor):
    """Quantization of a tensor of any rank."""


@register
class QuantizeRow(_Quantize, ElementwiseRow):
    """Quantization of one row."""

    elementwise: ClassVar[bool] = False


@register
class DequantizeTensor(_Dequantize, ElementwiseTensor):
    """Dequantization of a tensor of any rank."""


@register
class DequantizeRow(_Dequantize, ElementwiseRow):
    """Dequantization of one row."""

    elementwise: ClassVar[bool] = False
