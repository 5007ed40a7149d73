"""CONV_2D with a 1×1 kernel: most of the work of a mobile network."""

from __future__ import annotations

from typing import Any

from tvm_patch.kernels.base import OpView
from tvm_patch.kernels.conv2d import Conv2d
from tvm_patch.kernels.registry import register

_SHORT_ROW = 5
"""Longest odd row for which tiles of one column are better."""


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
        """Return what took the fewest instructions on a Cortex-M7: short odd rows waste a tile of two columns."""
        width = op.outputs[0].shape[2]
        tall = width % 2 == 1 and width <= _SHORT_ROW
        tile = {"tile_channels": 4, "tile_columns": 1} if tall else {"tile_channels": 2, "tile_columns": 2}
        return {**tile, "unroll": 4, "flatten": 4}
