"""Concatenation along any axis; along channels or columns of NHWC also row by row."""

from __future__ import annotations

import math

from tvm_patch.graph import Operator
from tvm_patch.kernels.base import Kernel, RowKernel, TensorKernel
from tvm_patch.kernels.ir import row_body
from tvm_patch.kernels.loops import copy_elements, kernel_body, parameters_of
from tvm_patch.kernels.registry import register
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.tvm_types import Buffer, Expr, PrimFunc


class _Concat(Kernel):
    kinds = ("concat",)

    def copy_parts(
        self,
        out: Buffer,
        parts: list[tuple[Buffer, tuple[int, ...]]],
        axis: int,
        repeats: Expr | None = None,
    ) -> None:
        """Emit the copies of dense tensors `parts` behind each other along `axis` of `out`.

        `repeats` says how many elements of the axes before `axis` there are, if not all of them.
        """
        runs = [math.prod(shape[axis:]) for _, shape in parts]
        outer = math.prod(parts[0][1][:axis]) if repeats is None else repeats
        offset = 0
        for (data, _), run in zip(parts, runs, strict=True):
            if run:
                copy_elements(
                    out,
                    data,
                    (outer, run),
                    out_strides=(sum(runs), 1),
                    data_strides=(run, 1),
                    offsets=(offset, 0),
                )
            offset += run


def _axis(op: Operator) -> int:
    return int(op.attrs["axis"]) % len(op.outputs[0].shape)


@register
class ConcatTensor(_Concat, TensorKernel):
    """Any rank, axis and dtype."""

    def function(self) -> PrimFunc:
        """Return the function; see :class:`TensorKernel`."""
        with kernel_body(parameters_of(self)) as (builder, buffers):
            parts = [(buffers[f"in{i}"], t.shape) for i, t in enumerate(self.op.inputs)]
            self.copy_parts(buffers["out0"], parts, _axis(self.op))
        return builder.get()


@register
class ConcatRow(_Concat, RowKernel):
    """Along channels or columns, batch 1."""

    @classmethod
    def accepts(cls, op: Operator) -> bool:
        """Take NHWC with batch 1, concatenated along axis 2 or 3."""
        shape = op.outputs[0].shape
        return len(shape) == 4 and shape[0] == 1 and _axis(op) in (2, 3)

    @property
    def windows(self) -> tuple[RowWindow, ...]:
        """One row of each input."""
        return tuple(RowWindow() for _ in self.op.inputs)

    @property
    def bandable(self) -> bool:
        """Along channels only: along the width, which input an output column comes from depends on the column."""
        return _axis(self.op) != 2

    def row_function(self, dynamic: bool = False) -> PrimFunc:
        """Return the function of one row; see :class:`RowKernel`."""
        with row_body(self, dynamic) as (builder, buffers, columns):
            parts = [(buffers[f"in{i}_row0"], t.shape[2:]) for i, t in enumerate(self.op.inputs)]
            self.copy_parts(buffers["out"], parts, _axis(self.op) - 2, columns)
        return builder.get()
