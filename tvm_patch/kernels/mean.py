"""Mean over any axes: an exact int32 sum, rescaled once with the count folded into the multiplier."""

from __future__ import annotations

import math

from tvm_patch.errors import UnsupportedError
from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.fixed_point import clamp_shifted, multiply_by_quantized_multiplier
from tvm_patch.kernels.loops import element_strides, kernel_body, nest, parameters_of, split_axes
from tvm_patch.kernels.named import array, bind
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import PrimFunc

_SUM_LIMIT = 1 << 31


@register
class Mean(TensorKernel):
    """One pass over the reduced elements per output element."""

    kinds = ("mean",)
    multiply = staticmethod(multiply_by_quantized_multiplier)
    """Emits a fixed-point multiplication."""

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        attrs = self.op.attrs
        if attrs["formula"] != "folded":
            raise UnsupportedError(
                f"mean formula {attrs['formula']!r} is not known", f"binding {self.op.name}"
            )
        (extents, strides), (reduced, steps) = split_axes(self.op.inputs[0].shape, attrs["axes"])
        count = math.prod(reduced)
        if count * 256 >= _SUM_LIMIT:
            raise UnsupportedError(f"a mean of {count} elements overflows 32 bits", f"binding {self.op.name}")
        with kernel_body(parameters_of(self)) as (builder, buffers):
            data, out = buffers["in0"], buffers["out0"]
            total = array("total", 1)
            with nest(extents, (element_strides(extents), strides)) as (to, start):
                T.buffer_store(total, -count * int(attrs["input_zero_point"]), [0])
                with nest(reduced, (steps,), (start,)) as (index,):
                    T.buffer_store(total, total[0] + T.cast(data[index], "int32"), [0])
                mean = self.multiply(
                    bind("sum", total[0]), int(attrs["multiplier"]), int(attrs["shift"]), 256 * count
                )
                T.buffer_store(out, clamp_shifted(mean, int(attrs["output_zero_point"]), -128, 127), [to])
        return builder.get()
