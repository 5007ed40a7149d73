"""Moves of one segment: from one cut of a network to a later one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import channel_pieces, cycles_of_pieces, whole_cost
from tvm_patch.planner.layout.channels import layout_channels, splits_channels
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.layout.rows_builder import reduces_rows
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.search.bound import Bound
from tvm_patch.planner.search.candidates import Candidates
from tvm_patch.planner.search.cuts import Cuts
from tvm_patch.planner.search.grown import Costs, Growing, Grown, few_of
from tvm_patch.planner.search.moves import Move, undominated
from tvm_patch.planner.search.open_reads import Steps
from tvm_patch.planner.search.pieces import Piece
from tvm_patch.planner.segments import ChannelSegment, Segment

_NEVER = 1 << 60
MOST_BANDS = 8
"""Bands that are tried."""
_CHANNELS = (8, 32)
"""Channels of a block that are tried."""
_KEPT = 8
"""How many segments of the same operators are grown further, some of them composites."""


class _Priced(NamedTuple):
    """A segment and what it costs.

    Attributes
    ----------
    peak : int
        Bytes in use where its output lies beside what it reads.
    shared : int
        Most bytes that the output can share with what it reads.
    costs : Costs
    grown : Grown
    """

    peak: int
    shared: int
    costs: Costs
    grown: Grown


class OneSegment:
    """Moves that run one segment.

    Parameters
    ----------
    network : Network
    fetched : frozenset of str
        Network inputs that are not in the arena.
    once : bool
        Whether rows of fetched inputs come only once, in order.
    """

    def __init__(self, network: Network, fetched: frozenset[str], once: bool) -> None:
        self.network, self.fetched = network, fetched
        self.cuts = Cuts(network, fetched)
        readers = [[op.index for op in network.consumers(name)] for name in sorted(fetched)]
        self._together = [frozenset(r) for r in readers if r] if once else []
        self.candidates = Candidates(network)
        self._macs = list(accumulate((op.macs for op in network.operators), initial=0))
        # In one band most segments read the same whatever they end with.
        self._steps = Steps(network, fetched)
        self._single = [list(self._alone(op)) for op in network.operators]
        # A segment whose row buffers alone need more than running layer by layer cannot be worth it.
        self.limit = max((min((m.peak for m in moves), default=_NEVER) for moves in self._single), default=0)

    def moves_to(self, end: int) -> Iterator[Move]:
        """Yield the segments in one band and without composites that end before cut `end`."""
        yield from self._single[end - 1]
        if end > 1 and not self.reads_once((end - 2, end - 1)):
            yield from self._in_blocks((end - 2, end - 1))
        limit = self.limit - self._stored_by(end)
        yield from self._grown(end, 1, self._plain, lambda grown: grown.least_scratch <= limit)

    def in_bands(self, end: int, bound: Bound) -> Iterator[Move]:
        """Yield the segments in several bands and without composites that end before cut `end`."""
        for bands in range(2, MOST_BANDS + 1):
            yield from self._grown(end, bands, self._plain, self._worth(end, bound), bound)

    def with_composites(self, bands: int, end: int, bound: Bound) -> Iterator[Move]:
        """Yield the segments with composites that end before cut `end`."""
        reduces = reduces_rows(self.network.operators[end - 1])
        last = [] if reduces else self.candidates.composites(end - 1)
        worth = self._worth(end, bound)
        yield from self._grown(end, bands, self.candidates.ending, worth, bound, last, few_of(_KEPT))

    def _stored_by(self, end: int) -> int:
        """Return the bytes that a segment which ends before a cut stores, at least."""
        sink = self.network.operators[end - 1]
        return self.cuts.new_bytes(sink.outputs, end - 1)

    def _extra(self, grown: Grown, end: int) -> int:
        """Return the multiply-accumulates that a segment does twice."""
        return grown.macs - (self._macs[end] - self._macs[grown.piece.begin])

    def _worth(self, end: int, bound: Bound) -> Callable[[Grown], bool]:
        stored = self._stored_by(end)

        def worth(grown: Grown) -> bool:
            return grown.least_scratch + stored < bound.most_bytes(self._extra(grown, end))

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
        sink = self.network.operators[end - 1]
        if not sink.rows and not reduces_rows(sink):
            return
        pieces = [self.candidates.last(end - 1), *last]
        composed = ending == self.candidates.ending
        stored = self._stored_by(end)
        for start, some in self.growing(bands, end).backwards(pieces, ending, worth, few):
            if start == end - 1:
                continue  # operators that run by themselves are known
            found: list[_Priced] = []
            for grown in some:
                if composed and not grown.composed:
                    continue
                most = _NEVER if bound is None else bound.most_bytes(self._extra(grown, end))
                if stored + grown.scratch + grown.kernel_scratch < most:
                    found += self._priced(grown, start, end, most)
            yield from self._best(found, start, end)

    def growing(self, bands: int, end: int) -> Growing:
        """Return what grows segments that end before cut `end`."""
        sink = self.network.operators[end - 1]
        return Growing(self.steps(bands), self.cuts.needed[end], end - 1, reduces_rows(sink))

    def steps(self, bands: int) -> Steps:
        """Return the steps of segments in so many bands."""
        return self._steps if bands == 1 else Steps(self.network, self.fetched, bands)

    def _plain(self, index: int) -> list[Piece]:
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
        priced = [p for grown in some for p in self._priced(grown, start, end, _NEVER, beside)]
        return self._best(priced, start, end)

    def _best(self, priced: Sequence[_Priced], start: int, end: int) -> list[Move]:
        """Return the moves that run segments of the same operators, but for those that others beat."""
        found: list[Move] = []
        # Sharing is looked at only where it decides something.
        for p in sorted(priced, key=lambda p: (p.peak - p.shared, p.costs.macs, p.costs.cycles)):
            costs, least = p.costs, p.peak - p.shared
            if any(m.peak <= least and m.macs <= costs.macs and m.cycles <= costs.cycles for m in found):
                continue
            grown = p.grown
            segment = Segment(grown.operators, grown.bands, composites=grown.composites)
            peak = p.peak - (self.saved(grown, costs, end) if p.shared else 0)
            found.append(Move(start, end, peak, costs.macs, costs.cycles, (segment,)))
        return undominated(found)

    def _priced(self, grown: Grown, start: int, end: int, most: int, beside: int = 0) -> Iterator[_Priced]:
        """Yield what a segment costs, if it can run and needs less than `most` bytes."""
        costs = grown.costs()
        if costs is None:
            return
        least = beside + self.cuts.new_bytes(costs.stored, start) + costs.scratch
        if least >= most or not self._reads_all_or_nothing(grown):
            return
        peak = least + self.cuts.alive[start]
        shared = 0
        if peak > self.candidates.expected:  # what is below is never a plan's peak
            shared = self._most_shared(grown, costs, end)
        if peak - shared < most:
            yield _Priced(peak, shared, costs, grown)

    def _most_shared(self, grown: Grown, costs: Costs, end: int) -> int:
        """Return the most bytes that a segment's output can share with what it reads."""
        if len(costs.stored) > 1 or grown.bands > 1:
            return 0
        cuts = self.cuts
        return cuts.saved({t: 0 for t in costs.sources if cuts.dies_before(t, end)}, costs.stored[0])

    def _reads_all_or_nothing(self, grown: Grown) -> bool:
        """Tell whether rows that come only once come for all of their readers, in one band."""
        if not self._together:
            return True
        operators = set(grown.operators)
        inside = [readers & operators for readers in self._together]
        if any(part and part != readers for part, readers in zip(inside, self._together, strict=True)):
            return False
        return grown.bands == 1 or not any(inside)

    def saved(self, grown: Grown, costs: Costs, end: int) -> int:
        """Return the bytes that a segment's output can share with inputs that are not needed from `end` on."""
        dead = [t for t in costs.sources if self.cuts.dies_before(t, end)]
        dying = {t: d for t in dead if (d := grown.distance(t)) is not None}
        return self.cuts.saved(dying, costs.stored[0])

    def alone(self, index: int) -> list[Move]:
        """Return the ways to run one operator by itself."""
        return self._single[index]

    def reads_once(self, operators: Collection[int]) -> bool:
        """Tell whether some of these operators read rows that come only once."""
        return any(not readers.isdisjoint(operators) for readers in self._together)

    def _alone(self, op: OperatorDesc) -> Iterator[Move]:
        fed = not self.fetched.isdisjoint(op.inputs)
        if not op.rows and not fed:
            yield self._whole(op)
            return
        reduces = reduces_rows(op, fed=fed)
        piece = self.candidates.reducing(op.index) if reduces else self.candidates.single(op.index)
        found: list[Grown] = []
        for bands in range(1, MOST_BANDS + 1):
            growing = Growing(self.steps(bands), self.cuts.needed[op.index + 1], op.index, reduces)
            grown = growing.start(piece)
            if grown is not None:
                found.append(grown)
        yield from self.moves(found, op.index, op.index + 1)
        yield from self._in_blocks((op.index,))

    def _in_blocks(self, operators: tuple[int, ...]) -> Iterator[Move]:
        """Yield the ways to run a depthwise convolution, perhaps with what makes its input, in blocks of channels."""
        network, cuts, (start, end) = self.network, self.cuts, (operators[0], operators[-1] + 1)
        ops = [network.operators[i] for i in operators]
        shapes, read = network.shapes, set(ops[0].inputs)
        if shapes is None or not splits_channels(ops[-1]) or read & self.fetched:
            return

        def first_of(index: int, channels: int) -> tuple[OperatorDesc, ...]:
            found = None if shapes is None else shapes.block(index, channels)
            return () if found is None else (found,)

        for channels in _CHANNELS:
            if 2 * channels > ops[-1].operator.outputs[0].shape[3]:
                return
            try:
                layout = layout_channels(network, operators, channels, first_of)
            except PlanError:
                return
            peak = cuts.alive[start] + cuts.new_bytes(layout.stored, start) + layout.scratch_bytes
            if layout.takes_over and cuts.dies_before(layout.sources[0], end):
                peak -= cuts.saved({layout.sources[0]: 0}, layout.stored[0])
            cycles = cycles_of_pieces(channel_pieces(network, ops, channels), network.target.costs)
            segment = ChannelSegment(operators, channels=channels)
            yield Move(start, end, peak, sum(op.macs for op in ops), round(cycles), (segment,))

    def _whole(self, op: OperatorDesc) -> Move:
        cuts, cut = self.cuts, op.index
        single = len(op.outputs) == 1
        distances = {
            t: d
            for t, d in zip(op.inputs, op.in_place, strict=bool(op.in_place))
            if single and d is not None and op.inputs.count(t) == 1 and cuts.dies_before(t, cut + 1)
        }
        peak = cuts.alive[cut] + cuts.new_bytes(op.outputs, cut) + aligned(op.scratch_bytes)
        peak -= cuts.saved(distances, op.outputs[0])
        cost = round(whole_cost(self.network, op))
        return Move(cut, cut + 1, peak, op.macs, cost, (Segment((op.index,)),))
