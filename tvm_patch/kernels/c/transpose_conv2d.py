"""TRANSPOSE_CONV with several channels at once."""

from __future__ import annotations

from typing import Any

from tvm_patch.graph import Operator
from tvm_patch.kernels.c.dot import emit_packed_dot
from tvm_patch.kernels.c.requantize import HelperRequantizer
from tvm_patch.kernels.dot import TileSize
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.transpose_conv2d import TransposeConv2d


@register
class TiledTransposeConv2d(TransposeConv2d):
    """Outputs ``tile_channels`` at once; SXTAB16 subtracts the input's zero point for nothing.

    Parameters of `config`: ``tile_channels``, ``unroll`` and ``flatten`` as for ``TiledConv2d``.
    """

    isa = "c"
    requantizer_type = HelperRequantizer
    dot = staticmethod(emit_packed_dot)

    @classmethod
    def default_config(cls, op: Operator) -> dict[str, Any]:
        """Return four channels per pixel."""
        return {"tile_channels": 4, "unroll": 1, "flatten": 2}

    @property
    def tile(self) -> TileSize:
        """How many channels are made at once, and how."""
        return TileSize(self.config["tile_channels"], 1, self.config["unroll"], self.config["flatten"])
