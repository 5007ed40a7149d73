"""Global average pooling and the mean over rows and columns, row by row."""

from __future__ import annotations

from tvm_patch.graph import Operator
from tvm_patch.kernels.avg_pool2d import divide_rounding
from tvm_patch.kernels.fixed_point import clamp, clamp_shifted, multiply_by_quantized_multiplier
from tvm_patch.kernels.pooling import PoolGeometry
from tvm_patch.kernels.reduction import ChannelReduction
from tvm_patch.kernels.registry import register_reduction
from tvm_patch.tvm_types import Expr

_SUM_LIMIT = 1 << 31


class RowSum(ChannelReduction):
    """Sums of channels."""

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take what fits int32 whatever the data, its zero point subtracted."""
        return super().accepts(op) and element_count(op) * 256 < _SUM_LIMIT

    def join(self, total: Expr, value: Expr) -> Expr:
        """Return the sum."""
        return total + value


def element_count(op: Operator) -> int:
    """Return how many elements of a channel there are."""
    _, height, width, _ = op.inputs[0].shape
    return height * width


@register_reduction
class GlobalAvgPool2d(RowSum):
    """Average pooling whose only window is the whole input."""

    kinds = ("avg_pool2d",)

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take a window of the input's size without padding."""
        return super().accepts(op) and PoolGeometry.of(op).covers_input

    @property
    def start(self) -> int:
        """Zero."""
        return 0

    def result(self, total: Expr) -> Expr:
        """Return the clamped mean."""
        mean = divide_rounding(total, element_count(self.op))
        return clamp(mean, int(self.op.attrs["act_min"]), int(self.op.attrs["act_max"]))


@register_reduction
class RowMean(RowSum):
    """Mean over axes 1 and 2, or over axis 1 of a single column, whether they are kept or not."""

    kinds = ("mean",)
    multiply = staticmethod(multiply_by_quantized_multiplier)
    """Emits a fixed-point multiplication."""

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take rows and columns of the known formula."""
        return super().accepts(op) and op.attrs["formula"] == "folded" and over_rows_and_columns(op)

    @property
    def start(self) -> int:
        """All zero points, so that the sum is of what the data stand for."""
        return -element_count(self.op) * int(self.op.attrs["input_zero_point"])

    def result(self, total: Expr) -> Expr:
        """Return the rescaled sum; the multiplier holds the division."""
        attrs = self.op.attrs
        count = 256 * element_count(self.op)
        mean = self.multiply(total, int(attrs["multiplier"]), int(attrs["shift"]), count)
        return clamp_shifted(mean, int(attrs["output_zero_point"]), -128, 127)


def over_rows_and_columns(op: Operator) -> bool:
    """Tell whether a reduction of an NHWC tensor takes all its rows and columns together."""
    axes = {int(a) % 4 for a in op.attrs["axes"]}
    return axes == {1, 2} or (axes == {1} and op.inputs[0].shape[2] == 1)
