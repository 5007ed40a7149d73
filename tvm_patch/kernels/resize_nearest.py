"""Nearest-neighbour resize: which pixel each output pixel copies is known at compile time."""

from __future__ import annotations

import numpy as np

from tvm_patch.integer.resize import nearest_indices
from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, kernel_body, parameters_of
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


@register
class ResizeNearest(TensorKernel):
    """Copies pixels; an integer factor is a division by a literal, anything else a table of indices."""

    kinds = ("resize_nearest",)

    def _indices(self, axis: int) -> np.ndarray:
        attrs = self.op.attrs
        flags = bool(attrs["align_corners"]), bool(attrs["half_pixel_centers"])
        return nearest_indices(self.op.inputs[0].shape[axis], self.op.outputs[0].shape[axis], *flags)

    def _factor(self, axis: int) -> int | None:
        """Return f such that output pixel i copies input pixel ``i // f``, if there is one."""
        indices = self._indices(axis)
        factor = -(-len(indices) // self.op.inputs[0].shape[axis])
        return factor if np.array_equal(indices, np.arange(len(indices)) // factor) else None

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Tables of input rows and columns, where they are no plain quotient."""
        names = {"rows": 1, "columns": 2}
        return {n: self._indices(a).astype(np.int32) for n, a in names.items() if self._factor(a) is None}

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        batch, in_height, in_width, channels = self.op.inputs[0].shape
        _, height, width, _ = self.op.outputs[0].shape
        with kernel_body(parameters_of(self)) as (builder, buffers):

            def source(name: str, axis: int, index: Expr) -> Expr:
                factor = self._factor(axis)
                if factor is None:
                    return bind("source", buffers[name][index])
                return T.truncdiv(index, factor) if factor > 1 else index

            with loop("batch", 0, batch) as b, loop("y", 0, height) as y:
                row = source("rows", 1, y)
                with loop("x", 0, width) as x:
                    column = source("columns", 2, x)
                    to = ((b * height + y) * width + x) * channels
                    start = ((b * in_height + row) * in_width + column) * channels
                    data, out = buffers["in0"], buffers["out0"]
                    self.copy(out, to, data, start)
        return builder.get()

    def copy(self, out: Buffer, to: Expr, data: Buffer, start: Expr) -> None:
        """Emit the copying of one pixel."""
        channels = self.op.outputs[0].shape[3]
        copy_elements(out, data, (channels,), out_strides=(1,), data_strides=(1,), offsets=(to, start))
