"""At what pace the operators of a segment run: closed forms of what is replayed for a layout.

See :func:`tvm_patch.planner.layout.flow.simulate`.
Every operator of a segment is run on demand of one other, the driver of its output, so the operators form a tree with
the sink at its root.  How many rows of an operator are demanded once its driver was asked for n rows is a function of
n alone; composed along the tree it tells how far any operator is when another one runs, which is all that the size of
a row buffer depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_patch.planner.row_window import RowWindow

Rows = Any  # numpy int64 array, or an int


@dataclass
class Node:
    """An operator of a segment in the tree of demands.

    Attributes
    ----------
    parent : Node or None
        The operator on whose demand it runs; None for the sink.
    order : int
        Position in run order: a parent asks for rows in this order.
    windows : tuple of RowWindow
        How the parent reads its output.
    rows : int
        Height of its output (of its input, for a reduction).
    count : int
        Rows that it makes in all.
    depth : int
        Steps to the sink.
    """

    parent: Node | None
    order: int
    windows: tuple[RowWindow, ...]
    rows: int
    count: int
    depth: int

    def demanded(self, asked: Rows) -> Rows:
        """Return how many rows are demanded once the parent was asked for `asked` rows."""
        return np.where(asked > 0, np.clip(last_row(self.windows, asked - 1), 0, self.rows), 0)


def last_row(windows: Sequence[RowWindow], row: Rows) -> Rows:
    """Return one past the last input row, padding included, that output row `row` needs."""
    return _most([row * w.stride - w.pad_before + w.reach if w.stride else row * 0 + 1 for w in windows])


def first_row(windows: Sequence[RowWindow], row: Rows) -> Rows:
    """Return the first input row, padding included, that output row `row` needs."""
    return -_most([w.pad_before - row * w.stride for w in windows])


def _most(values: list[Rows]) -> Rows:
    found = values[0]
    for value in values[1:]:
        found = np.maximum(found, value)
    return found


def _demands(below: Sequence[Node], asked: Rows) -> Rows:
    """Compose demands from the node above ``below[-1]`` down to ``below[0]``."""
    for node in reversed(below):
        asked = node.demanded(asked)
    return asked


def _branches(a: Node, b: Node) -> tuple[list[Node], list[Node], Node]:
    """Return the nodes from `a` and from `b` up to, without, their first common node, and that node."""
    left, right = [], []
    while a is not b:
        # The deeper one climbs; nodes have a parent as long as they differ from the common one.
        if a.depth >= b.depth:
            left.append(a)
            assert a.parent is not None
            a = a.parent
        else:
            right.append(b)
            assert b.parent is not None
            b = b.parent
    return left, right, a


@dataclass(frozen=True)
class PacedRead:
    """How one operator reads a tensor.

    Attributes
    ----------
    node : Node
        The reader.
    windows : tuple of RowWindow
        Its windows on the tensor.
    buffered : tuple of RowWindow
        Those of them that read the row buffer.
    """

    node: Node
    windows: tuple[RowWindow, ...]
    buffered: tuple[RowWindow, ...]


def rows_waiting(uses: Sequence[PacedRead]) -> int | None:
    """Return how many rows a row buffer must hold.

    Parameters
    ----------
    uses : sequence of PacedRead
        The readers in run order; the first drives.

    Returns
    -------
    int or None
        None when a reader would find a row missing: such a segment cannot run on demand.
    """
    driver = uses[0]
    rows = np.arange(driver.node.count)
    made = last_row(driver.windows, rows)
    oldest = first_row(driver.buffered, rows) if driver.buffered else made - 1
    for use in uses[1:]:
        executed = _executed(use.node, driver.node, rows)
        if use.buffered:
            oldest = np.minimum(oldest, first_row(use.buffered, executed))
        if _misses(use, driver, uses):
            return None
    return max(1, int((made - oldest).max(initial=1)))


def _executed(reader: Node, driver: Node, rows: Rows) -> Rows:
    """Return how many rows `reader` has run when `driver` is about to run each of `rows`."""
    left, right, common = _branches(driver, reader)
    asked = np.arange(common.count + 1)
    # The common node's row on whose behalf the driver runs: the first that asks for more than was run before.
    at = np.searchsorted(_demands(left, asked[1:]), rows, side="right")
    if not right:
        return at
    if left and left[-1].order > right[-1].order:
        at = np.minimum(at + 1, common.count)
    return _demands(right, asked)[at]


def _misses(use: PacedRead, driver: PacedRead, uses: Sequence[PacedRead]) -> bool:
    left, right, common = _branches(driver.node, use.node)
    rows = np.arange(use.node.count)
    asked = np.arange(common.count + 1)
    if right:
        at = np.searchsorted(_demands(right, asked[1:]), rows, side="right")
        if left[-1].order < right[-1].order:
            at = at + 1
        at = np.minimum(at, common.count)
    else:
        at = rows + 1
    run = _demands(left, asked)[at]
    top = max((w.pad_before for u in uses for w in u.buffered), default=0)
    made = np.where(run > 0, last_row(driver.windows, run - 1), -top)
    return bool((last_row(use.windows, rows) > made).any())
