"""CONV_2D with a 1×1 kernel: most of the work of a mobile network."""

from __future__ import annotations

from typing import Any

from tvm_patch.kernels.base import OpView
from tvm_patch.kernels.conv2d import Conv2d
from tvm_patch.kernels.registry import register


@register
class Pointwise(Conv2d):
    """A 1×1 convolution: one long run per output, read from the input rows in place when nothing is padded.

    A stride is the window's stride along the rows and the step between output columns.
    """

    @classmethod
    def accepts(cls, op: OpView) -> bool:
        """Take 1×1 kernels without groups."""
        _, kernel_h, kernel_w, group_in = op.constants["weight"].shape
        return super().accepts(op) and kernel_h == kernel_w == 1 and group_in == op.inputs[0].shape[3]

    @classmethod
    def default_config(cls, op: OpView) -> dict[str, Any]:
        """Return the parameters of :class:`Conv2d`; longer runs pay for more unrolling."""
        return {**super().default_config(op), "unroll": 2, "flatten": 4}
