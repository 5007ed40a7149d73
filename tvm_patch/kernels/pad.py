"""Padding with one value, any rank and dtype."""

from __future__ import annotations

from typing import Any

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, element_strides, fill, kernel_body, parameters_of
from tvm_patch.kernels.named import loop
from tvm_patch.kernels.registry import register
from tvm_patch.tir import T
from tvm_patch.tvm_types import PrimFunc


@register
class Pad(TensorKernel):
    """Writes every output byte once, in ascending order: fills and copies of runs as long as they can be."""

    kinds = ("pad",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        data, out = self.op.inputs[0], self.op.outputs[0]
        widths = [int(w) for w in self.op.attrs["pad_width"]]
        before, after = widths[0::2], widths[1::2]
        # Axes behind the last padded one move as one run.
        last = max((i for i in range(len(before)) if before[i] or after[i]), default=-1)
        in_steps, out_steps = element_strides(data.shape), element_strides(out.shape)
        with kernel_body(parameters_of(self)) as (builder, buffers):
            value = T.cast(self.op.attrs["pad_value"], out.dtype)

            def axis(i: int, target: Any, source: Any) -> None:
                if i > last:
                    run = in_steps[i - 1] if i else data.size
                    copy_elements(
                        buffers["out0"],
                        buffers["in0"],
                        (run,),
                        out_strides=(1,),
                        data_strides=(1,),
                        offsets=(target, source),
                    )
                    return
                step = out_steps[i]
                fill(buffers["out0"], value, target, before[i] * step)
                inner = target + before[i] * step
                if i == last:
                    copy_elements(
                        buffers["out0"],
                        buffers["in0"],
                        (data.shape[i] * step,),
                        out_strides=(1,),
                        data_strides=(1,),
                        offsets=(inner, source),
                    )
                elif data.shape[i] == 1:
                    axis(i + 1, inner, source)
                else:
                    with loop("y", 0, data.shape[i]) as y:
                        axis(i + 1, inner + y * step, source + y * in_steps[i])
                fill(buffers["out0"], value, target + (before[i] + data.shape[i]) * step, after[i] * step)

            axis(0, 0, 0)
        return builder.get()
