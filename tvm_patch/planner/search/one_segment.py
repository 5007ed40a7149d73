"""Moves of one segment: from one cut of a network to a later one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from tvm_patch.planner.layout.rows_builder import reduces_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.alone import in_blocks, whole
from tvm_patch.planner.search.bound import Bound
from tvm_patch.planner.search.candidates import Candidates
from tvm_patch.planner.search.grown import Growing, Grown, few_of
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.pieces import Piece
from tvm_patch.planner.search.prices import Priced, Prices
from tvm_patch.planner.search.steps import Steps

_NEVER = 1 << 60
MOST_BANDS = 8
"""Bands that are tried."""
_KEPT = 8
"""How many segments of the same operators are grown further, some of them composites."""


class OneSegment:
    """Moves that run one segment.

    Parameters
    ----------
    network : Network
    fetched : frozenset of str
        Network inputs that are not in the arena.
    once : bool
        Whether rows of fetched inputs come only once, in order.
    most_extra : int
        Multiply-accumulates that a composite may do twice.
    timed : bool
        Whether cycles are of interest.

    Attributes
    ----------
    prices : Prices
    cuts : Cuts
    candidates : Candidates
    """

    def __init__(
        self,
        network: Network,
        fetched: frozenset[str],
        once: bool,
        most_extra: int = _NEVER,
        timed: bool = True,
    ) -> None:
        self.network, self.fetched, self._timed = network, fetched, timed
        self.prices = Prices(network, fetched, once)
        self.cuts = self.prices.cuts
        self.candidates = Candidates(network, most_extra, timed)
        self._macs = list(accumulate((op.macs for op in network.operators), initial=0))
        # In one band most segments read the same whatever they end with.
        self._steps = Steps(network, fetched, 1, timed)
        self._alone: dict[int, list[Move]] = {}

    @cached_property
    def limit(self) -> int:
        """Bytes that running operators one by one takes: a segment whose row buffers need more cannot be worth it."""
        alone = (self.alone(op.index) for op in self.network.operators)
        return max((min((m.peak for m in moves), default=_NEVER) for moves in alone), default=0)

    def moves_to(self, end: int) -> Iterator[Move]:
        """Yield the segments in one band and without composites that end before cut `end`."""
        yield from self.alone(end - 1)
        yield from self.in_blocks(end)
        limit = self.limit - self.cuts.alive[end]
        yield from self._grown(end, 1, self.plain, lambda grown: grown.least_scratch <= limit)

    def in_bands(self, end: int, bound: Bound) -> Iterator[Move]:
        """Yield the segments in several bands and without composites that end before cut `end`."""
        for bands in range(2, MOST_BANDS + 1):
            yield from self._grown(end, bands, self.plain, self._worth(end, bound), bound)

    def with_composites(self, bands: int, end: int, bound: Bound) -> Iterator[Move]:
        """Yield the segments with composites that end before cut `end`."""
        reduces = reduces_rows(self.network.operators[end - 1])
        last = [] if reduces else self.candidates.composites(end - 1)
        worth = self._worth(end, bound)
        yield from self._grown(end, bands, self.candidates.ending, worth, bound, last, few_of(_KEPT))

    def extra(self, macs: int, start: int, end: int) -> int:
        """Return the multiply-accumulates that are done twice, of some that run the operators between two cuts."""
        return macs - (self._macs[end] - self._macs[start])

    def _worth(self, end: int, bound: Bound) -> Callable[[Grown], bool]:
        alive = self.cuts.alive[end]

        def worth(grown: Grown) -> bool:
            most = bound.most_bytes(self.extra(grown.macs, grown.piece.begin, end))
            return alive + grown.scratch < most and alive + grown.least_scratch < most

        return worth

    def _grown(
        self,
        end: int,
        bands: int,
        ending: Callable[[int], Sequence[Piece]],
        worth: Callable[[Grown], bool],
        bound: Bound | None = None,
        last: Sequence[Piece] = (),
        few: Callable[[list[Grown]], list[Grown]] = list,
    ) -> Iterator[Move]:
        if not self.can_end(end):
            return
        pieces = [self.candidates.last(end - 1), *last]
        composed = ending == self.candidates.ending
        alive, expected = self.cuts.alive[end], self.candidates.expected
        for start, some in self.growing(bands, end).backwards(pieces, ending, worth, few):
            if start == end - 1:
                continue  # operators that run by themselves are known
            found: list[Priced] = []
            for grown in some:
                if composed and not grown.composed:
                    continue
                most = _NEVER if bound is None else bound.most_bytes(self.extra(grown.macs, start, end))
                if alive + grown.scratch + grown.kernel_scratch < most:
                    found += self.prices.priced(grown, start, end, most, 0, expected)
            yield from self.prices.best(found)

    def can_end(self, end: int) -> bool:
        """Tell whether a segment of several operators can end before cut `end`."""
        sink = self.network.operators[end - 1]
        return bool(sink.rows) or reduces_rows(sink)

    def growing(self, bands: int, end: int) -> Growing:
        """Return what grows segments that end before cut `end`."""
        sink = self.network.operators[end - 1]
        return Growing(self.steps(bands), self.cuts.needed[end], end - 1, reduces_rows(sink))

    def steps(self, bands: int) -> Steps:
        """Return the steps of segments in so many bands."""
        return self._steps if bands == 1 else Steps(self.network, self.fetched, bands, self._timed)

    def plain(self, index: int) -> list[Piece]:
        """Return the pieces without composites whose last operator is `index`."""
        return [self.candidates.single(index)] if self.network.operators[index].rows else []

    def moves(self, some: Sequence[Grown], start: int, end: int, beside: int = 0) -> list[Move]:
        """Return the moves that run segments of the same operators, but for those that others beat.

        Parameters
        ----------
        some : sequence of Grown
        start, end : int
            Cuts.
        beside : int
            Bytes that are in use beside what lives at the first cut.
        """
        expected = self.candidates.expected
        return self.prices.best(
            [p for grown in some for p in self.prices.priced(grown, start, end, _NEVER, beside, expected)]
        )

    def alone(self, index: int, most_bands: int = MOST_BANDS) -> list[Move]:
        """Return the ways to run one operator by itself; asked again, the same whatever the bands."""
        if index not in self._alone:
            self._alone[index] = list(self._ways_alone(index, most_bands))
        return self._alone[index]

    def _ways_alone(self, index: int, most_bands: int) -> Iterator[Move]:
        op = self.network.operators[index]
        fed = not self.fetched.isdisjoint(op.inputs)
        if not op.rows and not fed:
            yield whole(self.prices, op)
            return
        reduces = reduces_rows(op, fed=fed)
        piece = self.candidates.reducing(op.index) if reduces else self.candidates.single(op.index)
        found: list[Grown] = []
        for bands in range(1, most_bands + 1):
            growing = Growing(self.steps(bands), self.cuts.needed[index + 1], index, reduces)
            grown = growing.start(piece)
            if grown is not None:
                found.append(grown)
        yield from self.moves(found, index, index + 1)
        yield from in_blocks(self.prices, (index,))

    def in_blocks(self, end: int) -> Iterator[Move]:
        """Yield the ways to run the last two operators before cut `end` in blocks of channels."""
        if end > 1 and not self.prices.reads_once((end - 2, end - 1)):
            yield from in_blocks(self.prices, (end - 2, end - 1))
