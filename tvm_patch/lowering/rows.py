"""Which rows an operator loads when, and what that allows in memory: plain arithmetic, no TVM.

A windowed input is read through a rolling row buffer of ``window.reach`` slots; input row r lives in slot
``(r + pad_before) % reach``.  Before output row y the loop has loaded every row up to the last one that row y
reads, so those rows of the stored input are dead and the output may overwrite them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tvm_patch.kernels import RowKernel, RowWindow, TensorView


@dataclass(frozen=True)
class InputRows:
    """How one input of a row kernel is fed.

    Attributes
    ----------
    window : RowWindow
        What the kernel asks for.
    height : int
        Rows of the stored tensor.
    row_bytes : int
        Bytes of one stored row.
    pixel_bytes : int
        Bytes of one column of one row.
    direct : bool
        True when the kernel reads the stored rows in place and no row buffer is needed.
    """

    window: RowWindow
    height: int
    row_bytes: int
    pixel_bytes: int
    direct: bool

    @property
    def slot_bytes(self) -> int:
        """Bytes of one row of the rolling buffer, padding columns included."""
        columns = self.window.columns_before + self.window.columns_after
        return self.row_bytes + columns * self.pixel_bytes

    @property
    def buffer_bytes(self) -> int:
        """Bytes of the whole rolling row buffer, 0 when rows are read in place."""
        return 0 if self.direct else self.window.reach * self.slot_bytes

    def first_needed(self, y: int) -> int:
        """Return the first stored row still needed while output row `y` is written."""
        first = self.window.first_row(y)
        return max(0, first if self.direct else first + self.window.reach)


def input_rows(window: RowWindow, tensor: TensorView, output_height: int) -> InputRows:
    """Decide how an input tensor (1, H, W, C) is fed to a kernel that asks for `window`."""
    _, height, width, _ = tensor.shape
    row_bytes = tensor.nbytes // height
    last = window.first_row(output_height - 1) + window.reach - 1
    unpadded = window.pad_before == 0 and last < height
    direct = unpadded and window.columns_before == 0 and window.columns_after == 0
    return InputRows(window, height, row_bytes, row_bytes // width, direct)


def feeds(kernel: RowKernel) -> tuple[InputRows, ...]:
    """Return how each input of `kernel` is fed when the whole tensor is stored."""
    height = kernel.op.outputs[0].shape[1]
    return tuple(
        input_rows(window, tensor, height)
        for window, tensor in zip(kernel.windows, kernel.op.inputs, strict=True)
    )


def overlap_distance(kernel: RowKernel, index: int) -> int | None:
    """Return the least (input offset - output offset) in bytes at which input `index` may be overwritten.

    None means that the output must not overlap this input at all.
    """
    feed = feeds(kernel)[index]
    output = kernel.op.outputs[0]
    height = output.shape[1]
    out_bytes = output.nbytes // height
    if feed.window.stride == 0:  # a broadcast row is read again for every output row
        return None
    if kernel.elementwise and feed.direct and feed.row_bytes == out_bytes:
        return 0
    written_before_read = [
        (y + 1) * out_bytes - feed.first_needed(y) * feed.row_bytes
        for y in range(height)
        if feed.first_needed(y) < feed.height
    ]
    return max(written_before_read, default=-feed.height * feed.row_bytes)
