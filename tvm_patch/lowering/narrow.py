"""A row kernel at another width: for the columns of a band, or for all rows as one."""

from __future__ import annotations

from tvm_patch.kernels import OpView, RowKernel, TensorView


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
    for view, window in zip(op.inputs, kernel.windows, strict=True):
        batch, height, width, channels = view.shape
        if window.column_stride:
            width = (columns - 1) * window.column_stride + window.column_reach
        inputs.append(TensorView((batch, height, width, channels), view.dtype))
    batch, height, _, channels = op.outputs[0].shape
    output = TensorView((batch, height, columns, channels), op.outputs[0].dtype)
    attrs = dict(op.attrs)
    if "padding" in attrs:
        top, _, bottom, _ = attrs["padding"]
        attrs["padding"] = [top, 0, bottom, 0]
    return type(kernel)(
        OpView(op.kind, op.name, tuple(inputs), (output,), op.constants, attrs), kernel.config
    )


def flattened(kernel: RowKernel) -> RowKernel:
    """Return a kernel whose rows are alike (:attr:`RowKernel.flat`), made for one row with all its pixels."""
    op = kernel.op

    def flat(view: TensorView) -> TensorView:
        return TensorView((1, 1, view.size // view.shape[-1], view.shape[-1]), view.dtype)

    inputs, outputs = tuple(map(flat, op.inputs)), tuple(map(flat, op.outputs))
    return type(kernel)(OpView(op.kind, op.name, inputs, outputs, op.constants, op.attrs), kernel.config)
