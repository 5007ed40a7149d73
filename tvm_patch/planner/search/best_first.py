"""Ways through a network looked for best first: those that need the least memory come out first.

Cuts are reached from the end of the network towards its beginning, in the order of the bytes that doing so takes.  What
waits in a queue is a segment to grow, a segment that ends at a cut which is reached, or a move; when the first cut is
reached, it is by the least of all.  A cut is of no use any more once an earlier one, at which no more lives, is reached
with no more work done twice: a rule of thumb, and the reason why few cuts are looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from tvm_patch.planner.search.grown import Grown
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.one_segment import OneSegment
from tvm_patch.planner.search.pieces import Piece
from tvm_patch.planner.search.prices import GrownFootprint, Priced
from tvm_patch.planner.search.reached_cuts import ReachedCuts

NEVER = 1 << 60
_NOTICED = 0.85
"""Of segments of the same operators in the same bands the next is grown where it does less than this part twice."""


class _ToGrow(NamedTuple):
    """A segment that ends before a cut, to be grown, with the multiply-accumulates that it does twice."""

    grown: Grown
    end: int
    extra: int


class BestFirst(ABC):
    """A search for one way that needs little memory.

    Parameters
    ----------
    single : OneSegment
    most_extra : int
        Multiply-accumulates that may be done twice.
    known : sequence of Move
        Moves that were found before.
    floor : float
        Bytes up to which nothing but known moves is looked at.

    Attributes
    ----------
    moves : list of Move
        Those that were found here.
    """

    def __init__(
        self, single: OneSegment, most_extra: int, known: Sequence[Move] = (), floor: float = 0.0
    ) -> None:
        self.single, self.most_extra, self.floor = single, most_extra, floor
        self.moves: list[Move] = []
        self._cuts = ReachedCuts(single.cuts.alive, most_extra)
        self._queue: list[tuple[float, int, Move | Priced | _ToGrow]] = []
        self._number = count()
        self._least: dict[tuple[int, int, int, bool], int] = {}
        for move in known:
            self.queue(move)

    @abstractmethod
    def expand(self, end: int) -> None:
        """Queue what ends before a cut."""

    @abstractmethod
    def ending(self, index: int, bands: int) -> Sequence[Piece]:
        """Return the pieces whose last operator is `index`, by which segments in so many bands are grown."""

    def counts(self, grown: Grown, end: int) -> bool:
        """Tell whether a segment is one that may be found here."""
        return grown.piece.begin < end - 1 or grown.bands > 1 or grown.composed

    def run(self, most: float) -> list[Move] | None:
        """Return the moves of a way that needs less than `most` bytes, None where there is none."""
        peak, queue = 0.0, self._queue
        while True:
            if peak >= self.floor:
                while self._cuts.new:
                    end = self._cuts.new.pop()
                    if end and end not in self._cuts.beaten:
                        self.expand(end)
            if self._cuts.done:
                return self._cuts.way()
            if peak < self.floor and not (queue and queue[0][0] <= self.floor):
                peak = self.floor
                continue
            if not queue or queue[0][0] >= most:
                return None
            key, _, item = heappop(queue)
            peak = max(peak, key)
            if isinstance(item, Move):
                self._found(item)
            elif isinstance(item, Priced):
                self._consider(item, peak)
            else:
                self._grow(item, most)

    def leaner(self, way: Sequence[Move]) -> list[Move]:
        """Return a way with the same cuts and no more work that needs as little as is known everywhere."""
        least = {(move.start, move.end): move for move in way}
        for move in self.moves:
            other = least.get((move.start, move.end))
            if other is not None and move.macs <= other.macs and move.peak < other.peak:
                least[move.start, move.end] = move
        return list(least.values())

    def queue(self, move: Move) -> None:
        """Queue a move."""
        heappush(self._queue, (move.peak, next(self._number), move))

    def start(self, end: int, bands: int, composites: Sequence[Piece] = ()) -> None:
        """Queue segments of one operator, or of one of some composites, that end before a cut, to be grown."""
        if self.single.can_end(end):
            growing = self.single.growing(bands, end)
            for piece in (self.single.candidates.last(end - 1), *composites):
                grown = growing.start(piece)
                if grown is not None:
                    self._queue_grown(grown, end)

    def _queue_grown(self, grown: Grown, end: int) -> None:
        extra = self.single.extra(grown.macs, grown.piece.begin, end)
        if extra <= self.most_extra:
            key = self.single.cuts.alive[end] + grown.least_scratch
            heappush(self._queue, (key, next(self._number), _ToGrow(grown, end, extra)))

    def _grow(self, item: _ToGrow, most: float) -> None:
        grown, end, extra = item
        if end in self._cuts.beaten:
            return
        start = grown.piece.begin
        if self.counts(grown, end):
            for priced in self.single.prices.priced(grown, start, end, int(min(most, NEVER))):
                heappush(self._queue, (priced.peak - priced.shared, next(self._number), priced))
        key = (end, start, grown.bands, grown.composed)
        least = self._least.get(key)
        if least is not None and extra >= least * _NOTICED:
            return
        self._least[key] = extra
        for piece in self.ending(start - 1, grown.bands) if start else ():
            done = extra + piece.extra
            if done <= self.most_extra and not self._dominated(grown, piece, end, done):
                more = grown.before(piece)
                if more is not None:
                    self._queue_grown(more, end)

    def _dominated(self, grown: Grown, piece: Piece, end: int, extra: int) -> bool:
        """Tell whether a segment that begins with a composite would not be grown further."""
        if piece.composite is None:
            return False
        least = self._least.get((end, piece.begin, grown.bands, True))
        return least is not None and extra >= least * _NOTICED

    def _consider(self, priced: Priced, peak: float) -> None:
        """Take a segment as a move, or queue it again where it shares less than it could."""
        start, end = priced.start, priced.end
        if end in self._cuts.beaten:
            return
        if not self._cuts.may_help(start, self.single.extra(priced.costs.macs, start, end)):
            return
        exact = self.single.prices.peak(priced)
        priced = priced._replace(peak=exact, shared=0)
        if exact > peak:
            heappush(self._queue, (exact, next(self._number), priced))
        else:
            footprint = GrownFootprint(priced.grown, priced.costs)
            self._found(replace(self.single.prices.move(priced), footprint=footprint))

    def _found(self, move: Move) -> None:
        self.moves.append(move)
        self._cuts.add(move, self.single.extra(move.macs, move.start, move.end))
