"""At what pace the operators of a segment run: closed forms of what is replayed for a layout.

See :func:`tvm_patch.planner.layout.flow.simulate`.
Every operator of a segment is run on demand of one other, the driver of its output, so the operators form a tree with
the sink at its root.  How many rows of an operator are demanded once its driver was asked for n rows is a function of
n alone; composed along the tree it tells how far any operator is when another one runs, which is all that the size of
a row buffer depends on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tvm_patch.planner.layout.flow import Flow, RowCounts
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
        Its turn: a parent asks for rows in this order.
    windows : tuple of RowWindow
        How the parent reads its output.
    rows : int
        Height of its output (of its input, for a reduction).
    count : int
        Rows that it makes in all.
    depth : int
        Steps to the sink.
    at_once : int
        Rows that it makes each time that it runs.
    piece : object
        What tells it from others that end with the same operator.
    """

    parent: Node | None
    order: int
    windows: tuple[RowWindow, ...]
    rows: int
    count: int
    depth: int
    at_once: int = 1
    piece: object = None

    def demanded(self, asked: Rows) -> Rows:
        """Return how many rows are made once the parent was asked for `asked` rows."""
        row = asked - 1
        if self.parent is not None and self.parent.at_once > 1:
            row = row - row % self.parent.at_once
        needed = np.clip(last_row(self.windows, row), 0, self.rows)
        if self.at_once > 1:
            needed = np.minimum(-(-needed // self.at_once) * self.at_once, self.rows)
        return np.where(asked > 0, needed, 0)

    def demanded_by(self, asked: int) -> int:
        """Return the same for one number."""
        if asked <= 0:
            return 0
        row = asked - 1
        if self.parent is not None and self.parent.at_once > 1:
            row -= row % self.parent.at_once
        last: int = max(w.end_row(row) for w in self.windows)
        needed = min(max(last, 0), self.rows)
        return min(-(-needed // self.at_once) * self.at_once, self.rows)

    @property
    def begins(self) -> Rows:
        """The first row of each time that it runs."""
        return np.arange(0, self.count, self.at_once)

    @property
    def steps(self) -> Rows:
        """How many rows it has made before each time that it runs, and in the end."""
        return np.append(self.begins, self.count)


def last_row(windows: Sequence[RowWindow], row: Rows) -> Rows:
    """Return one past the last input row, padding included, that output row `row` needs."""
    return _most([w.end_row(row) for w in windows])


def first_row(windows: Sequence[RowWindow], row: Rows) -> Rows:
    """Return the first input row, padding included, that output row `row` needs."""
    return -_most([-w.first_row(row) for w in windows])


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


def common_node(a: Node, b: Node) -> Node:
    """Return the first node that is on the way from both to the sink."""
    while a is not b:
        # The deeper one climbs; nodes have a parent as long as they differ from the common one.
        if a.depth < b.depth:
            a, b = b, a
        assert a.parent is not None
        a = a.parent
    return a


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


def rows_waiting(uses: Sequence[PacedRead], rows: int = 0, at_once: int = 1) -> int | None:
    """Return how many rows a row buffer must hold.

    Parameters
    ----------
    uses : sequence of PacedRead
        The readers by their turns; the first drives.
    rows : int
        Rows of the tensor, where several are made at once.
    at_once : int
        How many are.

    Returns
    -------
    int or None
        None when a reader would find a row missing: such a segment cannot run on demand.
    """
    driver = uses[0]
    if len(uses) == 1 and driver.buffered == driver.windows:
        return _waiting_of_one(driver.windows, driver.node.count, driver.node.at_once, rows, at_once)
    begins = driver.node.begins
    made = _made(driver, begins, rows, at_once)
    oldest = first_row(driver.buffered, begins) if driver.buffered else made - 1
    for use in uses[1:]:
        executed = _executed(use.node, driver.node, begins)
        if use.buffered:
            oldest = np.minimum(oldest, first_row(use.buffered, executed))
        if _misses(use, driver, uses, rows, at_once):
            return None
    return max(1, int((made - oldest).max(initial=1)))


@lru_cache(maxsize=65536)
def _waiting_of_one(
    windows: tuple[RowWindow, ...], count: int, reads_at_once: int, rows: int, at_once: int
) -> int:
    """Return the rows of a buffer that one operator reads, which makes `count` rows."""
    most = 1
    inside = all(w.inside for w in windows)
    for row in range(0, count, reads_at_once):
        made = max(w.end_row(row) for w in windows)
        made = min(made, rows) if inside else made
        made = max(made, min(-(-made // at_once) * at_once, rows)) if at_once > 1 else made
        most = max(most, made - min(w.first_row(row) for w in windows))
    return most


def _made(driver: PacedRead, begins: Rows, rows: int, at_once: int) -> Rows:
    """Return how many rows are made when the driver runs for each of some rows."""
    made = last_row(driver.windows, begins)
    if all(w.inside for w in driver.windows):
        made = np.minimum(made, rows)
    if at_once > 1:
        made = np.maximum(made, np.minimum(-(-made // at_once) * at_once, rows))
    return made


def _executed(reader: Node, driver: Node, rows: Rows) -> Rows:
    """Return how many rows `reader` has run when `driver` is about to run each of `rows`."""
    left, right, common = _branches(driver, reader)
    asked = common.steps
    # The common node's row on whose behalf the driver runs: the first that asks for more than was run before.
    at = np.searchsorted(_demands(left, asked[1:]), rows, side="right")
    if right and left and left[-1].order > right[-1].order:
        at = np.minimum(at + 1, len(asked) - 1)
    return _demands(right, asked)[at] if right else asked[at]


def _misses(
    use: PacedRead, driver: PacedRead, uses: Sequence[PacedRead], tensor_rows: int, at_once: int
) -> bool:
    left, right, common = _branches(driver.node, use.node)
    rows, asked = use.node.begins, common.steps
    at: Rows = np.arange(1, len(asked))
    if right:
        at = np.searchsorted(_demands(right, asked[1:]), rows, side="right")
        if left[-1].order < right[-1].order:
            at = at + 1
        at = np.minimum(at, len(asked) - 1)
    run = _demands(left, asked)[at]
    outside = [w.pad_before for u in uses for w in u.buffered if not w.inside]
    top = max([0, *outside])
    last = run - 1 - (run - 1) % driver.node.at_once
    made = np.where(run > 0, _made(driver, last, tensor_rows, at_once), -top)
    needed = last_row(use.windows, rows)
    if all(w.inside for w in use.windows):
        needed = np.minimum(needed, tensor_rows)
    return bool((needed > made).any())


def paced_counts(flow: Flow) -> RowCounts | None:
    """Return what :func:`tvm_patch.planner.layout.flow.simulate` does, but for what happens when.

    Parameters
    ----------
    flow : Flow
        Of which nothing is needed whole.
    """
    sink = len(flow.heights) - 1
    nodes = {sink: Node(None, sink, (), flow.heights[sink], flow.heights[sink], 0, flow.step(sink))}
    waiting: dict[str, int] = {}
    by_maker = {maker: tensor for tensor, maker in flow.maker.items() if maker is not None}
    for i in range(sink - 1, -1, -1):
        tensor = by_maker[i]
        reads = _reads(flow, tensor, nodes)
        parent = reads[0].node
        node = Node(parent, i, reads[0].windows, flow.heights[i], 0, parent.depth + 1, flow.step(i))
        node.count = int(node.demanded(parent.count))
        nodes[i] = node
        rows = rows_waiting(reads, flow.rows[tensor], flow.step(i))
        if rows is None:
            return None
        waiting[tensor] = rows
    for tensor, maker in flow.maker.items():
        if maker is None:
            rows = rows_waiting(_reads(flow, tensor, nodes), flow.rows[tensor])
            if rows is None:
                return None
            waiting[tensor] = rows
    return RowCounts(waiting, tuple(nodes[i].count for i in range(sink + 1)), {}, {}, ())


def _reads(flow: Flow, tensor: str, nodes: Mapping[int, Node]) -> list[PacedRead]:
    windows: dict[int, list[RowWindow]] = {}
    for reader in flow.readers[tensor]:
        windows.setdefault(reader.operator, []).append(reader.window)
    return [PacedRead(nodes[i], tuple(mine), tuple(mine)) for i, mine in sorted(windows.items())]
