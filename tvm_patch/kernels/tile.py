"""Repetition along axes."""

from __future__ import annotations

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, element_strides, kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import PrimFunc


@register
class Tile(TensorKernel):
    """A copy in which every axis is split into repetitions (stride 0) and elements."""

    kinds = ("tile",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        data = self.op.inputs[0].shape
        repeats = [int(r) for r in self.op.attrs["repeats"]]
        rank = max(len(data), len(repeats))
        shape = (1,) * (rank - len(data)) + tuple(data)
        repeats = [1] * (rank - len(repeats)) + repeats
        extents: list[int] = []
        strides: list[int] = []
        for extent, repeat, stride in zip(shape, repeats, element_strides(shape), strict=True):
            extents += [repeat, extent]
            strides += [0, stride]
        with kernel_body(parameters_of(self)) as (builder, buffers):
            copy_elements(
                buffers["out0"],
                buffers["in0"],
                extents,
                out_strides=element_strides(extents),
                data_strides=tuple(strides),
            )
        return builder.get()
