"""FULLY_CONNECTED: rows of the input against rows of the weights."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.dot import ONE, DotLayer, emit_dot_row
from tvm_patch.kernels.loops import kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.kernels.requantize_exact import ExactRequantizer
from tvm_patch.targets import DataMemory
from tvm_patch.tvm_types import Buffer, PrimFunc


@register
class FullyConnected(TensorKernel):
    """Dot products of ``data (-1, I)`` and ``weight (O, I)``: a 1×1 convolution over the batch."""

    kinds = ("fully_connected",)
    requantizer_type: ClassVar[type[ExactRequantizer]] = ExactRequantizer

    @cached_property
    def requantizer(self) -> ExactRequantizer:
        """Bias and rescaling."""
        return self.requantizer_type.make(self.op, self.op.constants["weight"])

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The weights as in the model and the rescaling."""
        return {"weight": self.op.constants["weight"], **self.requantizer.constants}

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.op.inputs[0].size * int(self.op.constants["weight"].shape[0])

    def constant_reads(self, memory: DataMemory, *, alone: bool) -> int:
        """Return one for all batch rows where the constants stay in the cache, otherwise one a row."""
        taken = sum(a.nbytes for a in self.constants.values())
        return 1 if taken <= memory.cache else self.layer.columns

    @property
    def layer(self) -> DotLayer:
        """The operator as dot products; columns are batch rows."""
        outputs, inputs = self.op.constants["weight"].shape
        return DotLayer(self.op.inputs[0].size // inputs, outputs, column_step=inputs, run=inputs)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        with kernel_body(parameters_of(self)) as (builder, buffers):
            buffers["out"] = buffers["out0"]
            self.emit(buffers)
        return builder.get()

    def emit(self, buffers: dict[str, Buffer]) -> None:
        """Emit the computation of all batch rows."""
        emit_dot_row(self.layer, ONE, self.requantizer, [buffers["in0"]], buffers)
