"""Reductions over rows and columns, one int32 accumulator a channel, fed with one piece of a row at a time."""

from __future__ import annotations

from abc import abstractmethod

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import RowReduction
from tvm_patch.kernels.ir import int32_at
from tvm_patch.kernels.loops import fill, kernel_body
from tvm_patch.kernels.named import bind, loop
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


class ChannelReduction(RowReduction):
    """Base of the reductions of (1, H, W, C) to C values."""

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take int8 of rank 4 with batch 1."""
        view = op.inputs[0]
        return len(view.shape) == 4 and view.shape[0] == 1 and view.dtype == "int8"

    @property
    def channels(self) -> int:
        """Number of accumulators."""
        return self.op.inputs[0].shape[3]

    @property
    def state_bytes(self) -> int:
        """Four bytes a channel."""
        return 4 * self.channels

    @property
    @abstractmethod
    def start(self) -> int:
        """What accumulators begin with."""

    @abstractmethod
    def join(self, total: Expr, value: Expr) -> Expr:
        """Return an accumulator with one more value, both int32 locals."""

    @abstractmethod
    def result(self, total: Expr) -> Expr:
        """Return the int8 output of a finished accumulator, an int32 local."""

    def start_function(self) -> PrimFunc:
        """Return the function that clears the accumulators; see :class:`RowReduction`."""
        with kernel_body({"state": (self.channels, "int32")}) as (builder, buffers):
            fill(buffers["state"], T.int32(self.start), 0, self.channels)
        return builder.get()

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function that adds one row; see :class:`RowReduction`."""
        width = self.op.inputs[0].shape[2]
        parameters = {"in0_row0": (width * self.channels, "int8"), "state": (self.channels, "int32")}
        with kernel_body(parameters, ("columns",) if dynamic else ()) as (builder, buffers):
            columns = buffers["columns"] if dynamic else width
            row, state = buffers["in0_row0"], buffers["state"]
            self.emit(row, state, columns)
        return builder.get()

    def emit(self, row: Buffer, state: Buffer, columns: Expr) -> None:
        """Emit the joining of a row's columns with the accumulators."""
        with loop("x", 0, columns) as x, loop("channel", 0, self.channels) as c:
            value = bind("value", int32_at(row, x * self.channels + c))
            T.buffer_store(state, self.join(bind("before", state[c]), value), [c])

    def finish_function(self) -> PrimFunc:
        """Return the function that writes the result; see :class:`RowReduction`."""
        parameters = {"state": (self.channels, "int32"), "out0": (self.channels, "int8")}
        with kernel_body(parameters) as (builder, buffers), loop("channel", 0, self.channels) as c:
            T.buffer_store(buffers["out0"], self.result(bind("reduced", buffers["state"][c])), [c])
        return builder.get()
