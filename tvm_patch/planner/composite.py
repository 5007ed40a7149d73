"""Operators of a segment that keep nothing between their runs but what they read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Composite:
    """Neighbours in a segment that run as one: rows between them are made again instead of kept.

    They make a few rows of the last one's output at once, a column or a few after the other; the columns of the tensors
    between them are made from the columns of what they read, and forgotten when their readers have seen them.

    Attributes
    ----------
    operators : tuple of int
        Indices in run order, one after the other in their segment.
    rows : int
        Rows of the last one's output that are made at once.
    keeps : bool
        Whether those rows between them that the next run needs again are kept instead of made again.
    columns : int
        Columns of the last one's output that are made at once, row by row; 0 where columns are made one by one, each
        from top to bottom.
    """

    operators: tuple[int, ...]
    rows: int
    keeps: bool = False
    columns: int = 0
