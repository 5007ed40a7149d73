"""Splitting along an axis into several outputs."""

from __future__ import annotations

import math

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import PrimFunc


@register
class Split(TensorKernel):
    """One strided copy per output; the outputs' shapes say where the cuts are."""

    kinds = ("split",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        shape = self.op.inputs[0].shape
        axis = int(self.op.attrs["axis"]) % len(shape)
        outer, step, offset = math.prod(shape[:axis]), math.prod(shape[axis:]), 0
        with kernel_body(parameters_of(self)) as (builder, buffers):
            for i, out in enumerate(self.op.outputs):
                run = math.prod(out.shape[axis:])
                copy_elements(
                    buffers[f"out{i}"],
                    buffers["in0"],
                    (outer, run),
                    out_strides=(run, 1),
                    data_strides=(step, 1),
                    offsets=(0, offset),
                )
                offset += run
        return builder.get()
