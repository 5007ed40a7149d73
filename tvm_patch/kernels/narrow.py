"""A row kernel at another width: for the columns of a band, or for all rows as one."""

from __future__ import annotations

from dataclasses import replace

from tvm_patch.graph import Tensor
from tvm_patch.kernels.base import RowKernel


def narrowed(kernel: RowKernel, columns: int) -> RowKernel:
    """Return `kernel` made for `columns` output columns and rows that already hold their padding.

    Parameters
    ----------
    kernel : RowKernel
        For the whole width.
    columns : int
        Output columns, at most those of the operator.
    """
    op = kernel.op
    inputs = []
    for tensor, window in zip(op.inputs, kernel.windows, strict=True):
        batch, height, width, channels = tensor.shape
        if window.column_stride:
            width = (columns - 1) * window.column_stride + window.column_reach
        inputs.append(replace(tensor, shape=(batch, height, width, channels)))
    batch, height, _, channels = op.outputs[0].shape
    output = replace(op.outputs[0], shape=(batch, height, columns, channels))
    narrow = replace(op, inputs=tuple(inputs), outputs=(output,), attrs=kernel.attrs_for(columns))
    return type(kernel)(narrow, kernel.config)


def flattened(kernel: RowKernel) -> RowKernel:
    """Return a kernel whose rows are alike (:attr:`RowKernel.flat`), made for one row with all its pixels."""
    op = kernel.op

    def flat(tensor: Tensor) -> Tensor:
        return replace(tensor, shape=(1, 1, tensor.size // tensor.shape[-1], tensor.shape[-1]))

    inputs, outputs = tuple(map(flat, op.inputs)), tuple(map(flat, op.outputs))
    return type(kernel)(replace(op, inputs=inputs, outputs=outputs), kernel.config)
