"""The least arena under one limit of work done twice: one answer in a fraction of the time of all of them.

Plain segments in one band come first.  What they need is a bound, and up to a part of it (`_FLOOR`) they are all that
is looked at: bands and composites are tried where plain segments do not come through, best first
(:mod:`tvm_patch.planner.search.best_first`).

The peak is a lower bound of the arena, as in :mod:`tvm_patch.planner.search.dynamic`, of which this is not always the
answer: fewer numbers of bands are tried, and of segments that run the same operators only some are grown further.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tvm_patch.errors import PlanError
from tvm_patch.garbage import uncollected
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.layout.rows_builder import reduces_rows
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.best_first import NEVER, BestFirst
from tvm_patch.planner.search.grown import Grown
from tvm_patch.planner.search.moves import Move, idle_peaks
from tvm_patch.planner.search.one_segment import OneSegment
from tvm_patch.planner.search.pieces import Piece
from tvm_patch.planner.search.two_passes import TwoPasses

_BANDS = (2, 4, 8)
"""Numbers of bands that are tried."""
_COMPOSED = (1, 2)
"""Numbers of bands that segments with composites are tried in."""
_TWICE = (1, 2, 4)
"""Numbers of bands that segments which make a tensor again are tried in."""
_FLOOR = 0.5
"""Part of what is needed without composites up to which none are looked at."""
_WORTH = 0.98
"""Part of that below which a plan must come to be looked for."""
_MUCH = 0.85
"""The same where a search has more time, which finds all that is hardly better."""
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
    way = plain.run(NEVER)
    if way is None:
        raise PlanError(f"no plan runs {network.name} with {mode} input and so little work done twice")
    peak = max(move.peak for move in way)
    single.candidates.only_above(_COMPOSITES * peak, idle_peaks(network, plain.moves))
    best: BestFirst = plain
    floor = _FLOOR * peak
    while best is plain:
        found = _All(single, most_extra, plain, floor, _WORTH * peak)
        better = found.run(_WORTH * peak)
        if better is None:
            break
        if floor < 1 or max(move.peak for move in better) > floor:
            best, way = found, better
        floor /= 2
    lean = best.leaner(way)
    return [way] if lean == way else [way, lean]


def least_moves(
    single: OneSegment, known: Sequence[Move], limits: Sequence[tuple[int, int]]
) -> Iterator[Move]:
    """Yield moves of ways that need less memory with composites, for a search that has more time.

    Parameters
    ----------
    single : OneSegment
        Its candidates know where composites are worth trying.
    known : sequence of Move
        Those without composites.
    limits : sequence of (int, int)
        Multiply-accumulates that are done twice, and the least bytes that are known to do then.
    """
    for most_extra, peak in limits:
        floor = _FLOOR * peak
        while True:
            way = _Composed(single, most_extra, known, floor).run(_MUCH * peak)
            if way is None or floor < 1 or max(move.peak for move in way) > floor:
                break
            floor /= 2
        for move in way or ():
            if move.footprint is not None:
                yield replace(move, footprint=None)


class _Plain(BestFirst):
    """Segments in one band and without composites.

    Attributes
    ----------
    expanded : set of int
        Cuts of which what ends before them is known.
    """

    def __init__(self, single: OneSegment, most_extra: int) -> None:
        super().__init__(single, most_extra)
        self.expanded: set[int] = set()

    def expand(self, end: int) -> None:
        """Queue what ends before a cut."""
        self.expanded.add(end)
        for move in (*self.single.alone(end - 1, 1), *self.single.in_blocks(end)):
            self.queue(move)
        self.start(end, 1)

    def ending(self, index: int, bands: int) -> Sequence[Piece]:
        """Return the operator of an index."""
        return self.single.plain(index)


class _Composed(BestFirst):
    """Segments with composites, where all others are known."""

    def __init__(
        self, single: OneSegment, most_extra: int, known: Sequence[Move] = (), floor: float = 0.0
    ) -> None:
        super().__init__(single, most_extra, known, floor)
        self._lean: dict[int, list[Piece]] = {}

    def counts(self, grown: Grown, end: int) -> bool:
        """Tell whether a segment has composites."""
        return grown.composed

    def expand(self, end: int) -> None:
        """Queue segments with composites that end before a cut."""
        reduces = reduces_rows(self.single.network.operators[end - 1])
        composites = () if reduces else self._composites(end - 1)
        for bands in _COMPOSED:
            self.start(end, bands, composites)

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


class _All(_Composed):
    """All segments that plain ones do not include.

    Parameters
    ----------
    single : OneSegment
    most_extra : int
    plain : _Plain
        What was found without bands and composites.
    floor : float
        Bytes up to which nothing else is looked at.
    most : float
        Bytes below which a plan must come.
    """

    def __init__(self, single: OneSegment, most_extra: int, plain: _Plain, floor: float, most: float) -> None:
        super().__init__(single, most_extra, plain.moves, floor)
        self._plain = plain
        self._twice = TwoPasses(single, most, most_extra, _TWICE)

    def counts(self, grown: Grown, end: int) -> bool:
        """Tell whether a segment is not one operator by itself in one band."""
        return BestFirst.counts(self, grown, end)

    def expand(self, end: int) -> None:
        """Queue what ends before a cut."""
        if end not in self._plain.expanded:
            for move in (*self.single.alone(end - 1, 1), *self.single.in_blocks(end)):
                self.queue(move)
        for move in self._twice.moves_to(end):
            self.queue(move)
        for bands in _BANDS:
            if bands not in _COMPOSED:
                self.start(end, bands)
        super().expand(end)
