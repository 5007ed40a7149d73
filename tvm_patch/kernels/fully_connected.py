"""FULLY_CONNECTED: rows of the input against rows of the weights."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from tvm_patch.kernels.base import Form, OpView, PrimFunc, TensorKernel
from tvm_patch.kernels.dot import DotLayer, TileSize, emit_dot_row
from tvm_patch.kernels.loops import kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize_exact import ExactRequantizer


@register
class FullyConnected(TensorKernel):
    """Dot products of ``data (-1, I)`` and ``weight (O, I)``: a 1×1 convolution over the batch.

    Parameters of `config` are those of ``Conv2d``; columns are batch rows.
    """

    kinds = ("fully_connected",)

    @classmethod
    def default_config(cls, op: OpView) -> dict[str, Any]:
        """Return tall tiles for one batch row, square ones otherwise."""
        single = op.inputs[0].size == op.constants["weight"].shape[1]
        channels, columns = (4, 1) if single else (2, 2)
        return {"tile_channels": channels, "tile_columns": columns, "unroll": 1, "flatten": 2}

    @cached_property
    def requantizer(self) -> ExactRequantizer:
        """Bias and rescaling."""
        return ExactRequantizer.make(self.op, self.op.constants["weight"])

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The weights as in the model and the rescaling."""
        return {"weight": self.op.constants["weight"], **self.requantizer.constants}

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.op.inputs[0].size * self.op.constants["weight"].shape[0]

    def function(self, form: Form) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        outputs, inputs = self.op.constants["weight"].shape
        layer = DotLayer(self.op.inputs[0].size // inputs, outputs, column_step=inputs, run=inputs)
        config = self.config
        tile = TileSize(config["tile_channels"], config["tile_columns"], config["unroll"], config["flatten"])
        with kernel_body(parameters_of(self)) as (builder, buffers):
            buffers["out"] = buffers["out0"]
            emit_dot_row(form, layer, tile, self.requantizer, [buffers["in0"]], buffers)
        return builder.get()
