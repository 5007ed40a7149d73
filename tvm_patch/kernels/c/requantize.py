"""Rescaling by calls of the helpers in ``tvm_patch_dsp.h``, which saturate to int8."""

from __future__ import annotations

from typing import ClassVar

from tvm_patch.kernels.ir import call
from tvm_patch.kernels.requantize import Requantizer
from tvm_patch.kernels.requantize_exact import ExactRequantizer
from tvm_patch.tir import T
from tvm_patch.tvm_types import Expr


class HelperRequantizer(Requantizer):
    """A :class:`Requantizer` whose code is one call."""

    short_helper: ClassVar[str] = "tvmp_requantize"
    general_helper: ClassVar[str] = "tvmp_requantize_any"

    def emit(self, acc: Expr, multiplier: Expr, shift: Expr) -> Expr:
        """Return the int32 expression, in [act_min, act_max], of a finished accumulator."""
        helper = self.short_helper if self.short else self.general_helper
        last = 2 * self.zero_point + 1 if self.short else self.zero_point
        value = call("int32", helper, acc, multiplier, shift, last)
        if self.act_max < 127:
            value = T.min(value, T.int32(self.act_max))
        return T.max(value, T.int32(self.act_min)) if self.act_min > -128 else value


class ExactHelperRequantizer(HelperRequantizer, ExactRequantizer):
    """The same with one rounding."""

    short_helper = "tvmp_requantize_once"
    general_helper = "tvmp_requantize_double"
