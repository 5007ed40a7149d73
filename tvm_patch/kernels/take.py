"""Gathering along one axis with indices known at compile time."""

from __future__ import annotations

import math

import numpy as np

from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Operator
from tvm_patch.kernels.base import TensorKernel
from tvm_patch.kernels.loops import copy_elements, kernel_body, parameters_of
from tvm_patch.kernels.named import bind, loop
from tvm_patch.kernels.registry import register
from tvm_patch.tvm_types import PrimFunc


@register
class Take(TensorKernel):
    """Copies whole inner blocks; the indices are checked here, not at run time."""

    kinds = ("take",)

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take constant indices only."""
        return "indices" in op.constants

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """The indices, none of them negative."""
        size = self.op.inputs[0].shape[self._axis]
        indices = self.op.constants["indices"].astype(np.int64).reshape(-1)
        if np.any(indices < -size) or np.any(indices >= size):
            raise UnsupportedError(
                f"an index of take is outside [-{size}, {size})", f"binding {self.op.name}"
            )
        return {"indices": np.where(indices < 0, indices + size, indices).astype(np.int32)}

    @property
    def _axis(self) -> int:
        return int(self.op.attrs["axis"]) % len(self.op.inputs[0].shape)

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        shape, axis = self.op.inputs[0].shape, self._axis
        count = self.constants["indices"].size
        inner = math.prod(shape[axis + 1 :])
        with (
            kernel_body(parameters_of(self)) as (builder, buffers),
            loop("outer", 0, math.prod(shape[:axis])) as outer,
            loop("i", 0, count) as i,
        ):
            source = bind("source", buffers["indices"][i])
            copy_elements(
                buffers["out0"],
                buffers["in0"],
                (inner,),
                out_strides=(1,),
                data_strides=(1,),
                offsets=((outer * count + i) * inner, (outer * shape[axis] + source) * inner),
            )
        return builder.get()
