"""How far an operator that works row by row must keep its output below its input to overwrite it."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def row_overlap_distance(
    out_rows: int,
    out_row_bytes: int,
    in_rows: int,
    in_row_bytes: int,
    first_needed: Callable[[int], int] | Sequence[int],
) -> int:
    """Return the least ``offset(input) - offset(output)`` at which no row is overwritten before its last use.

    When output row y is written, it ends ``(y + 1) * out_row_bytes`` after the output's start; the input rows
    from ``first_needed(y)`` on must not have been touched by then.

    Parameters
    ----------
    out_rows, in_rows : int
        Numbers of rows.
    out_row_bytes, in_row_bytes : int
        Bytes of a row.
    first_needed : callable or sequence of int
        By output row: the first input row still needed while that row is written.  The rows that make row y
        count when the kernel reads them while it writes.  Values are clipped to 0..in_rows; they must not
        fall.

    Returns
    -------
    int
        Bytes, for :class:`tvm_patch.planner.buffers.Overlap`.
    """
    distance = -in_rows * in_row_bytes
    last = 0
    for y in range(out_rows):
        needed = first_needed(y) if callable(first_needed) else first_needed[y]
        needed = min(max(needed, 0), in_rows)
        if needed < last:
            raise ValueError(f"first_needed falls from {last} to {needed} at row {y}")
        last = needed
        distance = max(distance, (y + 1) * out_row_bytes - needed * in_row_bytes)
    return distance
