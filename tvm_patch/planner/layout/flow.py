"""How rows flow through a segment: who asks for a row, how many rows wait, how many are made.

A segment runs on demand.  To make row y of its last operator (the sink), each operator first has the rows that it
needs made, then runs.  A tensor that several operators read is made on demand of one of them, its *driver*: the
one whose turn comes first, whose branch looks down farthest (:mod:`tvm_patch.planner.turns`).  The others find their
rows waiting; :func:`simulate` proves it by replaying the very loops that :mod:`tvm_patch.lowering.rows_segment` prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tvm_patch.planner.row_window import RowWindow


@dataclass(frozen=True)
class Reader:
    """One use of a tensor by an operator of the segment.

    Attributes
    ----------
    operator : int
        Position of the reader in the flow.
    window : RowWindow
        What each of its rows needs.
    buffered : bool
        Whether it reads from the row buffer, where rows outside the tensor exist as rows full of padding, or in
        place from where the tensor is stored.
    most : int
        Rows of the tensor, for windows that are inside it.
    """

    operator: int
    window: RowWindow
    buffered: bool = True
    most: int = 0

    def first(self, y: int) -> int:
        """Return the first row that the reader's row `y` needs."""
        first: int = self.window.first_row(y)
        return first

    def end(self, y: int) -> int:
        """Return one past the last row that the reader's row `y` needs."""
        end: int = self.window.end_row(y)
        return min(end, self.most) if self.window.inside else end


@dataclass
class Flow:
    """Row dependencies of a segment.

    Attributes
    ----------
    heights : sequence of int
        Per operator: rows that it makes (rows that it reads, for a reduction).
    inputs : sequence of tuple of str
        Per operator: the tensors that it reads and that are made row by row within the segment.
    maker : mapping of str to int or None
        Operator that makes each such tensor; None where rows are loaded or fetched.
    readers : mapping of str to list of Reader
        Uses of each such tensor.
    rows : mapping of str to int
        Height of each such tensor.
    whole : tuple of str
        Tensors of which every row must be made, whether or not the sink asks for it.
    at_once : sequence of int
        Per operator: rows that it makes each time that it runs; the last time perhaps fewer.  1 where it is empty.
    turns : sequence of int
        Per operator: when its turn comes.  In run order where it is empty.
    """

    heights: Sequence[int]
    inputs: Sequence[tuple[str, ...]]
    maker: Mapping[str, int | None]
    readers: Mapping[str, list[Reader]]
    rows: Mapping[str, int]
    whole: tuple[str, ...] = ()
    at_once: Sequence[int] = ()
    turns: Sequence[int] = ()
    _drivers: dict[str, Reader] = field(default_factory=dict)

    def driver(self, tensor: str) -> Reader:
        """Return the reader on whose demand a tensor is made."""
        if tensor not in self._drivers:
            self._drivers[tensor] = min(self.readers[tensor], key=lambda r: self.turn(r.operator))
        return self._drivers[tensor]

    def turn(self, operator: int) -> int:
        """Return when the turn of an operator comes: makers before readers."""
        return self.turns[operator] if self.turns else operator

    def driven_by(self, operator: int) -> list[str]:
        """Return the tensors made on demand of `operator`: what is loaded first, then by the turns of the makers.

        Of two branches the one whose turn comes first also drives what both read, so it goes ahead.
        """
        driven = [t for t in dict.fromkeys(self.inputs[operator]) if self.driver(t).operator == operator]
        return sorted(driven, key=self._made_at)

    def _made_at(self, tensor: str) -> int:
        maker = self.maker[tensor]
        return -1 if maker is None else self.turn(maker)

    def top(self, tensor: str) -> int:
        """Return how many rows of padding above the tensor are made (as rows full of padding)."""
        padded = [r.window for r in self.readers[tensor] if r.buffered and not r.window.inside]
        return max((w.pad_before for w in padded if w.pad_before > 0), default=0)

    def step(self, operator: int) -> int:
        """Return how many rows an operator makes each time that it runs."""
        return self.at_once[operator] if self.at_once else 1


@dataclass(frozen=True)
class RowCounts:
    """Outcome of a simulation.

    Attributes
    ----------
    waiting : dict of str to int
        Per tensor: rows that its row buffer must hold.
    made : tuple of int
        Per operator: rows that it makes in all.
    ends : dict of str to int
        Per tensor: one past the last row made (or loaded) in all, padding included.
    made_by : dict of str to tuple of int
        Per tensor: one past the last row made (or loaded) when the sink writes its row y, by y.
    runs_by : tuple of tuple of int
        Per operator: rows that it has run when the sink writes its row y, by y.
    """

    waiting: dict[str, int]
    made: tuple[int, ...]
    ends: dict[str, int]
    made_by: dict[str, tuple[int, ...]]
    runs_by: tuple[tuple[int, ...], ...]


def simulate(flow: Flow) -> RowCounts | None:
    """Replay a segment's loops row by row.

    Returns
    -------
    RowCounts or None
        None when some reader would find a row missing: such a segment cannot run on demand.
    """
    return _Simulation(flow).run()


class _Simulation:
    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.next_row = [0] * len(flow.heights)
        self.made = {t: -flow.top(t) for t in flow.readers}
        self.waiting = dict.fromkeys(flow.readers, 1)
        self.missing = False

    def run(self) -> RowCounts | None:
        sink = len(self.flow.heights) - 1
        made_by: dict[str, list[int]] = {t: [] for t in self.flow.readers}
        runs_by: list[list[int]] = [[] for _ in self.flow.heights]
        while (row := self.next_row[sink]) < self.flow.heights[sink]:
            self._demand(sink)
            at_once = min(self.flow.step(sink), self.flow.heights[sink] - row)
            for tensor, rows in made_by.items():
                rows.extend([self.made[tensor]] * at_once)
            for operator, runs in enumerate(runs_by):
                runs.extend([self.next_row[operator]] * at_once)
            self._execute(sink)
            if self.missing:
                return None
        for tensor in self.flow.whole:
            while self.made[tensor] < self.flow.rows[tensor]:
                self._make(tensor)
        return RowCounts(
            self.waiting,
            tuple(self.next_row),
            dict(self.made),
            {t: tuple(r) for t, r in made_by.items()},
            tuple(tuple(r) for r in runs_by),
        )

    def _demand(self, operator: int) -> None:
        """Have the rows made that the next row of `operator` needs and that it drives."""
        row = self.next_row[operator]
        for tensor in self.flow.driven_by(operator):
            end = max(r.end(row) for r in self.flow.readers[tensor] if r.operator == operator)
            while self.made[tensor] < end:
                self._make(tensor)

    def _make(self, tensor: str) -> None:
        maker, row = self.flow.maker[tensor], self.made[tensor]
        if maker is not None and 0 <= row < self.flow.rows[tensor]:
            self._demand(maker)
            self._execute(maker)
            self.made[tensor] = self.next_row[maker]
        else:
            self.made[tensor] = row + 1
        waiting = [r.first(self.next_row[r.operator]) for r in self.flow.readers[tensor] if r.buffered]
        oldest = min(waiting, default=row)
        self.waiting[tensor] = max(self.waiting[tensor], self.made[tensor] - oldest)

    def _execute(self, operator: int) -> None:
        row = self.next_row[operator]
        for tensor in self.flow.inputs[operator]:
            for reader in self.flow.readers[tensor]:
                if reader.operator == operator and reader.end(row) > self.made[tensor]:
                    self.missing = True
        self.next_row[operator] = min(row + self.flow.step(operator), self.flow.heights[operator])
