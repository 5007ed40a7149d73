"""Index of the maximum along an axis, the first one of equals."""

from __future__ import annotations

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import element_strides, fill, kernel_body, nest, parameters_of, split_axes
from tvm_patch.kernels.named import array, bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import PrimFunc


@register
class ArgMax(TensorKernel):
    """One pass; the output is int32 or int64."""

    kinds = ("arg_max",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        data_view, out_view = self.op.inputs[0], self.op.outputs[0]
        (extents, strides), ((count,), (step,)) = split_axes(data_view.shape, [int(self.op.attrs["axis"])])
        with kernel_body(parameters_of(self)) as (builder, buffers):
            data, out = buffers["in0"], buffers["out0"]
            if count == 1:
                fill(out, T.cast(0, out_view.dtype), 0, out_view.size)
            else:
                best = array("best", 1, data_view.dtype)
                where = array("where", 1)
                with nest(extents, (element_strides(extents), strides)) as (to, start):
                    T.buffer_store(best, data[start], [0])
                    T.buffer_store(where, 0, [0])
                    with loop("i", 0, count - 1) as i:
                        value = bind("value", data[start + (i + 1) * step])
                        with T.If(value > best[0]), T.Then():
                            T.buffer_store(best, value, [0])
                            T.buffer_store(where, i + 1, [0])
                    T.buffer_store(out, T.cast(where[0], out_view.dtype), [to])
        return builder.get()
