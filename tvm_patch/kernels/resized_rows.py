"""Which rows of its input a resize reads, as a window."""

from __future__ import annotations

from tvm_patch.graph import Operator
from tvm_patch.integer.resize import Line
from tvm_patch.planner.row_window import RowWindow


def window_along(line: Line, size: int, columns: int) -> RowWindow:
    """Return the window of a resize whose rows lie on a line.

    Parameters
    ----------
    line : Line
        Says which input row an output row begins at, perhaps one outside the tensor.
    size : int
        Input rows that an output row reads, from that one on.
    columns : int
        Of the input: all of a row is read.
    """
    return RowWindow(
        size=size,
        stride=line.numerator,
        pad_before=-(line.offset // line.denominator),
        column_stride=0,
        column_reach=columns,
        inside=True,
        divisor=line.denominator,
        phase=line.offset % line.denominator,
    )


def flags_of(op: Operator) -> tuple[bool, bool]:
    """Return ``align_corners`` and ``half_pixel_centers`` of a resize."""
    return bool(op.attrs["align_corners"]), bool(op.attrs["half_pixel_centers"])
