"""CONV_2D in register tiles: any convolution that :mod:`tvm_patch.kernels.c.conv2d_dot` does not take."""

from __future__ import annotations

from typing import Any

from tvm_patch.graph import Operator
from tvm_patch.kernels.c.dot import emit_packed_dot, tile_candidates, tile_of
from tvm_patch.kernels.c.requantize import HelperRequantizer
from tvm_patch.kernels.conv2d import Conv2d
from tvm_patch.kernels.dot import emit_dot_row
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import Buffer, Expr

_SHORT_ROW = 5
"""Longest odd row for which tiles of one column are better."""


@register
class TiledConv2d(Conv2d):
    """One output row as register tiles of dot products, each kernel row one run of neighbouring inputs.

    Parameters of `config`: ``tile_channels`` × ``tile_columns`` accumulators, ``unroll`` steps of four inputs per
    loop iteration, no loop for runs of at most ``flatten`` steps.
    """

    isa = "c"
    requantizer_type = HelperRequantizer

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return a tile that just fits fourteen registers; short odd rows of 1×1 waste one of two columns."""
        width = op.outputs[0].shape[2]
        if op.constants["weight"].shape[1:3] != (1, 1):
            return {"tile_channels": 2, "tile_columns": 2, "unroll": 2, "flatten": 4}
        tall = width % 2 == 1 and width <= _SHORT_ROW
        tile = {"tile_channels": 4, "tile_columns": 1} if tall else {"tile_channels": 2, "tile_columns": 2}
        return {**tile, "unroll": 4, "flatten": 4}

    def candidates(self) -> list[dict[str, Any]]:
        """Return tiles of up to eight sums."""
        return tile_candidates()

    def emit(self, rows: list[Buffer], buffers: dict[str, Buffer], columns: Expr | None) -> None:
        """Emit the computation of one output row."""
        tile = tile_of(self.config)
        emit_dot_row(self.layer, tile, self.requantizer, rows, buffers, columns, emit_packed_dot)
