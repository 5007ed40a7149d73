"""Maximum over any axes."""

from __future__ import annotations

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import element_strides, kernel_body, nest, parameters_of, split_axes
from tvm_patch.kernels.named import array, bind
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import PrimFunc


@register
class ReduceMax(TensorKernel):
    """One pass over the reduced elements per output element."""

    kinds = ("reduce_max",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        view = self.op.inputs[0]
        (extents, strides), (reduced, steps) = split_axes(view.shape, self.op.attrs["axes"])
        with kernel_body(parameters_of(self)) as (builder, buffers):
            data, out = buffers["in0"], buffers["out0"]
            best = array("best", 1, view.dtype)
            with nest(extents, (element_strides(extents), strides)) as (to, start):
                T.buffer_store(best, data[start], [0])
                with nest(reduced, (steps,), (start,)) as (index,):
                    T.buffer_store(best, T.max(bind("most", best[0]), data[index]), [0])
                T.buffer_store(out, best[0], [to])
        return builder.get()
