"""Which rows and columns of an input one output row of a row-wise operator reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class RowWindow:
    """The rows of one input that one output row needs, and how a row buffer of that input is laid out.

    Output row y reads input rows ``(y * stride + phase) // divisor - pad_before + i * dilation`` for i in 0..size-1;
    rows outside the tensor are filled with `pad_value`.  The divisor is 1 unless the tensor is resized; the phase is
    less than it.  Where a tensor grows several rows of the output begin at one row of the input.

    A buffered row has `columns_before` padding columns, the input's columns,
    then `columns_after` padding columns, all holding `pad_value`.  When :attr:`buffered` is False the kernel may
    be given a pointer straight into the input tensor.

    Output column x reads buffered columns ``x * column_stride`` to ``x * column_stride + column_reach - 1``.  A
    column stride of 0 means that the whole stored row is read whichever columns are made: a broadcast operand.

    Negative padding skips rows and columns of the input, as a slice does.

    A window that is `inside` reads nothing of what lies outside the tensor: its reader knows what is there.  A row
    kernel gets the nearest row of the tensor instead.
    """

    size: int = 1
    stride: int = 1
    dilation: int = 1
    pad_before: int = 0
    columns_before: int = 0
    columns_after: int = 0
    pad_value: int = 0
    column_stride: int = 1
    column_reach: int = 1
    inside: bool = False
    divisor: int = 1
    phase: int = 0

    @cached_property
    def reach(self) -> int:
        """Number of consecutive input rows spanned."""
        return (self.size - 1) * self.dilation + 1

    @property
    def buffered(self) -> bool:
        """Whether the rows must be copied to a padded row buffer first."""
        return self.columns_before > 0 or self.columns_after > 0 or self.size > 1 or self.pad_before > 0

    def first_row(self, y: Any) -> Any:
        """Return the first input row (may be negative) that output row `y` reads; of an array of rows, an array."""
        if self.divisor == 1:  # nearly always, and asked for very often
            return y * self.stride - self.pad_before
        return (y * self.stride + self.phase) // self.divisor - self.pad_before

    def end_row(self, y: Any) -> Any:
        """Return one past the last input row (may lie outside) that output row `y` reads; arrays as before."""
        return self.first_row(y) + self.reach

    @cached_property
    def pads(self) -> bool:
        """Whether padding is read."""
        return not self.inside and bool(
            self.columns_before or self.columns_after or self.pad_before or self.pad_value
        )

    def reads_in_place(self, rows: int, height: int) -> bool:
        """Tell whether making `rows` rows can read a stored tensor of `height` rows without a buffer."""
        if self.stride == 0 or self.inside:
            return True
        last = self.end_row(rows - 1)
        return max(self.columns_before, self.columns_after, self.pad_before) <= 0 and last <= height
