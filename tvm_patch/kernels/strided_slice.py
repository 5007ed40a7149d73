"""Slicing with steps, forward or backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, element_strides, kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import PrimFunc


@register
class StridedSlice(TensorKernel):
    """``begin:end:strides`` on each of ``axes``."""

    kinds = ("strided_slice",)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        attrs, shape = self.op.attrs, self.op.inputs[0].shape
        axes = [int(a) % len(shape) for a in attrs["axes"]]
        begin = [int(b) for b in attrs["begin"]]
        steps = [int(s) for s in attrs.get("strides") or [1] * len(axes)]
        strides = list(element_strides(shape))
        start = 0
        for axis, first, step in zip(axes, begin, steps, strict=True):
            # slice.indices clips `begin` the way numpy does.
            start += slice(first, None, step).indices(shape[axis])[0] * strides[axis]
            strides[axis] *= step
        # The output may have lost axes of extent 1; what it holds is the same.
        extents = _extents(attrs, axes, steps, shape)
        with kernel_body(parameters_of(self)) as (builder, buffers):
            copy_elements(
                buffers["out0"],
                buffers["in0"],
                extents,
                out_strides=element_strides(extents),
                data_strides=tuple(strides),
                offsets=(0, start),
            )
        return builder.get()


def _extents(
    attrs: Mapping[str, Any], axes: list[int], steps: list[int], shape: tuple[int, ...]
) -> list[int]:
    """Return how many elements each axis keeps."""
    out = list(shape)
    for axis, first, last, step in zip(axes, attrs["begin"], attrs["end"], steps, strict=True):
        size = shape[axis]
        # Downwards to and including element 0: numpy would read an end of -1 as the last element.
        stop = None if step < 0 and int(last) < -size else int(last)
        out[axis] = len(range(*slice(int(first), stop, step).indices(size)))
    return out
