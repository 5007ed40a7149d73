"""Transposition of any rank and dtype."""

from __future__ import annotations

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, element_strides, kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import PrimFunc


@register
class PermuteDims(TensorKernel):
    """Writes the output in order; axes that stay neighbours are walked as one."""

    kinds = ("permute_dims",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        data, out = self.op.inputs[0], self.op.outputs[0]
        axes = self.op.attrs.get("axes")
        order = (
            [int(a) % len(data.shape) for a in axes]
            if axes is not None
            else list(range(len(data.shape)))[::-1]
        )
        strides = element_strides(data.shape)
        with kernel_body(parameters_of(self)) as (builder, buffers):
            copy_elements(
                buffers["out0"],
                buffers["in0"],
                out.shape,
                out_strides=element_strides(out.shape),
                data_strides=tuple(strides[a] for a in order),
            )
        return builder.get()
