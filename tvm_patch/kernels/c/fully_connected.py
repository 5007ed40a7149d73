"""FULLY_CONNECTED in register tiles: what :mod:`tvm_patch.kernels.c.fully_connected_dot` does not take."""

from __future__ import annotations

from typing import Any

from tvm_patch.graph import Operator
from tvm_patch.kernels.c.dot import emit_packed_dot, tile_of
from tvm_patch.kernels.c.requantize import ExactHelperRequantizer
from tvm_patch.kernels.dot import emit_dot_row
from tvm_patch.kernels.fully_connected import FullyConnected
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import Buffer


@register
class TiledFullyConnected(FullyConnected):
    """Register tiles of outputs and batch rows.

    Parameters of `config` are those of ``TiledConv2d``; columns are batch rows.
    """

    isa = "c"
    requantizer_type = ExactHelperRequantizer

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return tall tiles for one batch row, square ones otherwise."""
        single = op.inputs[0].size == op.constants["weight"].shape[1]
        channels, columns = (4, 1) if single else (2, 2)
        return {"tile_channels": channels, "tile_columns": columns, "unroll": 1, "flatten": 2}

    def emit(self, buffers: dict[str, Buffer]) -> None:
        """Emit the computation of all batch rows."""
        tile = tile_of(self.config)
        emit_dot_row(self.layer, tile, self.requantizer, [buffers["in0"]], buffers, dot=emit_packed_dot)
