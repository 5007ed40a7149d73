"""The least arena under one limit of work done twice, best first: one answer in a fraction of the time of all of them.

Cuts are reached from the end of the network towards its beginning, in the order of the bytes that doing so takes: what
waits in a queue is a segment to grow, a segment that ends at a cut which is reached, or nothing, and then the first
cut is reached by the least of all.  Two things keep the queue short:

- a cut is of no use any more once an earlier one, at which no more lives, is reached with no more work done twice;
- plain segments in one band come first.  What they need is a bound, and up to a part of it (`_FLOOR`) they are all
  that is looked at: bands and composites are tried where plain segments do not come through.

The peak is a lower bound of the arena, as in :mod:`tvm_patch.planner.search.dynamic`, of which this is not always the
answer: the first rule is one of thumb, fewer numbers of bands are tried, and of segments that run the same operators
the first few are grown further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from typing import Any

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.layout.rows_builder import joins_as_reduction
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.grown import Grown
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.one_segment import OneSegment
from tvm_patch.planner.search.pieces import Piece
from tvm_patch.planner.search.prices import GrownFootprint, Priced
from tvm_patch.planner.search.reached_cuts import ReachedCuts
from tvm_patch.planner.search.two_passes import TwoPasses
from tvm_patch.planner.search.uncollected import uncollected

_NEVER = 1 << 60
_BANDS = (2, 3, 4, 6, 8)
"""Numbers of bands that are tried."""
_COMPOSED = (1, 2)
"""Numbers of bands that segments with composites are tried in."""
_TWICE = (1, 2, 4)
"""Numbers of bands that segments which make a tensor again are tried in."""
_FLOOR = 0.5
"""Part of what plain segments need up to which nothing else is looked at."""
_WORTH = 0.98
"""Part of what plain segments need below which a plan must come to be looked for."""
_NOTICED = 0.85
"""Of segments of the same operators in the same bands the next is grown where it does less than this part twice."""
_COMPOSITES = 0.45
"""Composites are tried where operators need more than this part of what plain segments need."""


def least_ways(network: Network, mode: InputMode, most_macs: int) -> list[list[Move]]:
    """Return the moves of one or two ways to run a network in little memory.

    Both are the best that were found, the second needs less where it does not matter for what is in use at once: that
    may be placed better, or worse.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    mode : {"resident", "rereadable", "streamed"}
        Where the input comes from.
    most_macs : int
        Multiply-accumulates that may be done.

    Raises
    ------
    PlanError
        When no plan does so little work, or the input cannot be fetched as the mode says.
    """
    most_extra = most_macs - network.macs
    with uncollected():
        return _least_ways(network, mode, most_extra)


def _least_ways(network: Network, mode: InputMode, most_extra: int) -> list[list[Move]]:
    single = OneSegment(network, fetched_inputs(network, mode), mode == "streamed", most_extra, timed=False)
    plain = _Plain(single, most_extra)
    way = plain.run(_NEVER)
    if way is None:
        raise PlanError(f"no plan runs {network.name} with {mode} input and so little work done twice")
    peak = max(move.peak for move in way)
    single.candidates.only_above(_COMPOSITES * peak, _idle_peaks(network, plain.moves))
    floor = _FLOOR * peak
    while True:
        everything = _All(single, most_extra, plain, floor, _WORTH * peak)
        better = everything.run(_WORTH * peak)
        found = plain if better is None else everything
        if better is None or floor < 1 or max(move.peak for move in better) > floor:
            way = better or way
            lean = found.leaner(way)
            return [way] if lean == way else [way, lean]
        floor /= 2


def _idle_peaks(network: Network, moves: Sequence[Move]) -> list[int]:
    """Return the least bytes in use while each operator runs, of some moves."""
    least = [_NEVER] * len(network.operators)
    for move in moves:
        for i in range(move.start, move.end):
            least[i] = min(least[i], move.peak)
    return least


class _Plain:
    """Best first, of segments in one band and without composites.

    Parameters
    ----------
    single : OneSegment
    most_extra : int
        Multiply-accumulates that may be done twice.

    Attributes
    ----------
    moves : list of Move
        Those that were found.
    expanded : set of int
        Cuts of which what ends before them is known.
    """

    floor = 0.0

    def __init__(self, single: OneSegment, most_extra: int) -> None:
        self.single, self.most_extra = single, most_extra
        self.moves: list[Move] = []
        self._cuts = ReachedCuts(single.cuts.alive, most_extra)
        self._queue: list[tuple[float, int, Any]] = []
        self._number = count()
        self._least: dict[tuple[int, int, int, bool], int] = {}
        self.expanded: set[int] = set()

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
                self._grow(*item, most)

    def leaner(self, way: Sequence[Move]) -> list[Move]:
        """Return a way with the same cuts and no more work that needs as little as is known everywhere."""
        least = {(move.start, move.end): move for move in way}
        for move in self.moves:
            other = least.get((move.start, move.end))
            if other is not None and move.macs <= other.macs and move.peak < other.peak:
                least[move.start, move.end] = move
        return list(least.values())

    def expand(self, end: int) -> None:
        """Queue what ends before a cut."""
        self.expanded.add(end)
        for move in (*self.single.alone(end - 1, 1), *self.single.in_blocks(end)):
            self.queue(move)
        self.start(end, 1, [self.single.candidates.last(end - 1)])

    def queue(self, move: Move) -> None:
        """Queue a move."""
        heappush(self._queue, (move.peak, next(self._number), move))

    def start(self, end: int, bands: int, last: Sequence[Piece]) -> None:
        """Queue segments of one piece that end before a cut, to be grown.

        Parameters
        ----------
        end : int
        bands : int
        last : sequence of Piece
            The pieces.
        """
        if self.single.can_end(end):
            growing = self.single.growing(bands, end)
            for piece in last:
                grown = growing.start(piece)
                if grown is not None:
                    self._queue_grown(grown, end)

    def ending(self, index: int, bands: int) -> Sequence[Piece]:
        """Return the pieces whose last operator is `index`, by which segments in so many bands are grown."""
        return self.single.plain(index)

    def _queue_grown(self, grown: Grown, end: int) -> None:
        extra = self.single.extra(grown.macs, grown.piece.begin, end)
        if extra <= self.most_extra:
            key = self.single.cuts.alive[end] + grown.least_scratch
            heappush(self._queue, (key, next(self._number), (grown, end, extra)))

    def _grow(self, grown: Grown, end: int, extra: int, most: float) -> None:
        if end in self._cuts.beaten:
            return
        start = grown.piece.begin
        if start < end - 1 or grown.bands > 1 or grown.composed:
            for priced in self.single.prices.priced(grown, start, end, int(min(most, _NEVER))):
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
        """Tell whether a segment would not be grown further than by a composite."""
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


class _All(_Plain):
    """Best first, of all segments.

    Parameters
    ----------
    single : OneSegment
    most_extra : int
    plain : _Plain
        What was found without bands and composites.
    floor : float
        Bytes up to which nothing else is looked at.
    """

    def __init__(self, single: OneSegment, most_extra: int, plain: _Plain, floor: float, most: float) -> None:
        super().__init__(single, most_extra)
        self.floor = floor
        self._expanded = plain.expanded
        self._twice = TwoPasses(single, most, most_extra, _TWICE)
        self._lean: dict[int, list[Piece]] = {}
        for move in plain.moves:
            self.queue(move)

    def expand(self, end: int) -> None:
        """Queue what ends before a cut."""
        candidates = self.single.candidates
        if end not in self._expanded:
            super().expand(end)
        for move in self._twice.moves_to(end):
            self.queue(move)
        single = [candidates.last(end - 1)]
        for bands in _BANDS:
            if bands not in _COMPOSED:
                self.start(end, bands, single)
        reduces = joins_as_reduction(self.single.network.operators[end - 1], 2)
        composites = [] if reduces else self._composites(end - 1)
        for bands in _COMPOSED:
            self.start(end, bands, [*single, *composites])

    def ending(self, index: int, bands: int) -> Sequence[Piece]:
        """Return the pieces whose last operator is `index`, by which segments in so many bands are grown."""
        plain = self.single.plain(index)
        return [*plain, *self._composites(index)] if bands in _COMPOSED else plain

    def _composites(self, index: int) -> list[Piece]:
        """Return composites that no other beats in memory and work."""
        if index not in self._lean:
            candidates = self.single.candidates
            lean: dict[int, list[Piece]] = {}
            for piece in sorted(candidates.composites(index), key=lambda p: (candidates.held(p), p.extra)):
                kept = lean.setdefault(piece.begin, [])
                if not kept or piece.extra < kept[-1].extra:
                    kept.append(piece)
            self._lean[index] = [piece for kept in lean.values() for piece in kept]
        return self._lean[index]
