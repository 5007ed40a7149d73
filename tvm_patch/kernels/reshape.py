"""Reshape: the same bytes under another shape."""

from __future__ import annotations

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import PrimFunc


@register
class Reshape(TensorKernel):
    """A copy, which memory planning elides by giving input and output the same place.

    Elements are copied one by one in ascending order, so running it in place is harmless.
    """

    kinds = ("reshape", "squeeze", "expand_dims", "flatten")

    def function(self) -> PrimFunc:
        """Return the copy; see :class:`TensorKernel`."""
        size = self.op.outputs[0].size
        with kernel_body(parameters_of(self)) as (builder, buffers):
            copy_elements(buffers["out0"], buffers["in0"], (size,), out_strides=(1,), data_strides=(1,))
        return builder.get()

    @property
    def in_place(self) -> tuple[int | None, ...]:
        """The same place, or the output below the input."""
        return (0,)
