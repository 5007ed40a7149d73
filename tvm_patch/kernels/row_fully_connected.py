"""FULLY_CONNECTED over all rows of a tensor, which is never whole: each row adds its part of the dot products."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowReduction
from tvm_patch.kernels.ir import accumulate, int32_at
from tvm_patch.kernels.loops import fill, kernel_body
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register_reduction
from tvm_patch.kernels.requantize import store_int8
from tvm_patch.kernels.requantize_exact import ExactRequantizer
from tvm_patch.targets import DataMemory
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


@register_reduction
class RowFullyConnected(RowReduction):
    """Dot products of all of ``data (1, H, W, C)`` and ``weight (O, H·W·C)``, whose sums wait while rows go by."""

    kinds = ("fully_connected",)
    positioned = True
    requantizer_type: ClassVar[type[ExactRequantizer]] = ExactRequantizer

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take int8 of several rows that are one row of the matrix product."""
        data = op.inputs[0]
        return data.rows > 1 and data.dtype == "int8" and data.size == op.constants["weight"].shape[1]

    @cached_property
    def requantizer(self) -> ExactRequantizer:
        """Bias and rescaling."""
        return self.requantizer_type.make(self.op, self.op.constants["weight"])

    @property
    def outputs(self) -> int:
        """Number of dot products."""
        return int(self.op.constants["weight"].shape[0])

    @property
    def sums(self) -> int:
        """Number of accumulators."""
        return self.outputs

    @property
    def state_bytes(self) -> int:
        """Four bytes an accumulator."""
        return 4 * self.sums

    @property
    def inputs(self) -> int:
        """Elements of a row."""
        _, _, width, channels = self.op.inputs[0].shape
        return width * channels

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return int(self.op.constants["weight"].size)

    def constant_reads(self, memory: DataMemory, *, alone: bool) -> int:
        """Return one: every weight serves once."""
        return 1

    @property
    def row_weights(self) -> dict[str, np.ndarray]:
        """Constants that rows take."""
        return {"weight": self.op.constants["weight"]}

    @property
    def row_constants(self) -> tuple[str, ...]:
        """The weights."""
        return tuple(self.row_weights)

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The weights and the rescaling."""
        return {**self.row_weights, **self.requantizer.constants}

    def start_function(self) -> PrimFunc:
        """Return the function that clears the accumulators; see :class:`RowReduction`."""
        with kernel_body({"state": (self.sums, "int32")}) as (builder, buffers):
            fill(buffers["state"], T.int32(0), 0, self.sums)
        return builder.get()

    def row_parameters(self) -> dict[str, tuple[int, str]]:
        """Return elements and dtype of the pointers of :meth:`row_function`."""
        return {
            "in0_row0": (self.inputs, "int8"),
            **{name: (int(a.size), str(a.dtype)) for name, a in self.row_weights.items()},
            "state": (self.sums, "int32"),
        }

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function that adds one row; see :class:`RowReduction`."""
        if dynamic:
            raise ValueError(f"columns of {self.op.name} cannot be added by themselves")
        with kernel_body(self.row_parameters(), ("row",)) as (builder, buffers):
            self.emit(buffers, buffers["row"])
        return builder.get()

    def emit(self, buffers: dict[str, Buffer], row: Expr) -> None:
        """Emit the adding of a row."""
        total, data, weight = array("total", 1), buffers["in0_row0"], buffers["weight"]
        length = self.op.inputs[0].size
        with loop("output", 0, self.outputs) as o:
            T.buffer_store(total, buffers["state"][o], [0])
            with loop("k", 0, self.inputs) as k:
                factor = bind("factor", int32_at(weight, o * length + row * self.inputs + k))
                accumulate(total, 0, int32_at(data, k) * factor, self.requantizer.wraps)
            T.buffer_store(buffers["state"], total[0], [o])

    def finish_function(self) -> PrimFunc:
        """Return the function that writes the result; see :class:`RowReduction`."""
        rescaling = self.requantizer.constants
        parameters = {
            "state": (self.sums, "int32"),
            **{name: (int(a.size), str(a.dtype)) for name, a in rescaling.items()},
            "out0": (self.outputs, "int8"),
        }
        with kernel_body(parameters) as (builder, buffers), loop("output", 0, self.outputs) as o:
            total = array("total", 1)
            T.buffer_store(total, buffers["state"][o], [0])
            accumulate(total, 0, buffers["bias"][o], wraps=True)
            pair = self.requantizer.load(buffers, o)
            store_int8(buffers["out0"], o, self.requantizer.emit(total[0], *pair))
        return builder.get()
