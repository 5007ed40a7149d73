"""Operators of a segment that keep nothing between their runs but what they read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Composite:
    """Neighbours in a segment that run as one: rows between them are made again instead of kept.

    They make a few rows of the last one's output at once, column after column; each column of the tensors between them
    is made from a column of what they read, and forgotten when its readers have seen it.

    Attributes
    ----------
    operators : tuple of int
        Indices in run order, one after the other in their segment.
    rows : int
        Rows of the last one's output that are made at once.
    keeps : bool
        Whether those rows between them that the next run needs again are kept instead of made again.
    """

    operators: tuple[int, ...]
    rows: int
    keeps: bool = False
