"""Moves of one segment: from one cut of a network to a later one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import channel_pieces, cycles_of_pieces, whole_cost
from tvm_patch.planner.layout.channels import layout_channels, splits_channels
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.layout.rows_builder import joins_as_reduction
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.search.backwards import grown_backwards
from tvm_patch.planner.search.band_columns import MOST_BANDS
from tvm_patch.planner.search.candidates import Candidates
from tvm_patch.planner.search.cuts import Cuts
from tvm_patch.planner.search.fused import Fused, Grown
from tvm_patch.planner.search.growth import Growth, SegmentCosts
from tvm_patch.planner.search.moves import Move, undominated
from tvm_patch.planner.search.pieces import piece_of
from tvm_patch.planner.segments import ChannelSegment, Segment

_NEVER = 1 << 60
_CHANNELS = (8, 32)
"""Channels of a block that are tried."""
_THOROUGH = ((300, (1, 2, 4), 8), (1 << 60, (1,), 2))
"""Up to how many composites a network is searched how: in which numbers of bands, and how many segments of the same
operators are grown further."""


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
        self._single = [list(self._alone(op)) for op in network.operators]
        # A segment whose row buffers alone need more than running layer by layer cannot be worth it.
        self.limit = max((min((m.peak for m in moves), default=_NEVER) for moves in self._single), default=0)

    def moves_to(self, end: int) -> Iterator[Move]:
        """Yield the segments that end before cut `end`, shortest first."""
        sink = self.network.operators[end - 1]
        yield from self._single[end - 1]
        if end > 1 and not self.reads_once((end - 2, end - 1)):
            yield from self._in_blocks((end - 2, end - 1))
        reduces = joins_as_reduction(sink, 2)
        if sink.rows or reduces:
            growth = Growth(self.network, sink.index, self.cuts.needed[end], self.fetched, reduces)
            yield from self._grown(growth, end)

    def composites_to(self, end: int, most: int) -> Iterator[Move]:
        """Yield the segments that end before cut `end`, have composites and need no more than `most`."""
        sink = self.network.operators[end - 1]
        reduces = joins_as_reduction(sink, 2)
        if not sink.rows and not reduces:
            return
        stored = () if reduces else sink.outputs
        limit = most - self.cuts.new_bytes(stored, end - 1)
        if not any(self.candidates.composites(i) for i in range(end)):
            return
        tried, kept = self._thorough
        last = () if reduces else self.candidates.composites(end - 1)
        piece = piece_of(self.network, sink, reduces)
        for bands in tried:
            fused = Fused(self.network, self.cuts.needed[end], self.fetched, bands)
            segments = grown_backwards(fused, piece, self.candidates.ending, end, kept, limit, reduces, last)
            for start, some in segments:
                for grown in some:
                    if grown.composites:
                        yield from self._fused_moves(grown, start, end, most)

    @cached_property
    def _thorough(self) -> tuple[tuple[int, ...], int]:
        count = sum(len(self.candidates.composites(i)) for i in range(len(self.network.operators)))
        return next((bands, kept) for most, bands, kept in _THOROUGH if count <= most)

    def _fused_moves(self, grown: Grown, start: int, end: int, most: int) -> Iterator[Move]:
        costs = grown.costs
        if costs is None:
            return
        inside = [readers & set(grown.operators) for readers in self._together]
        if any(part and part != readers for part, readers in zip(inside, self._together, strict=True)):
            return
        bands = grown.growing.bands
        if bands > 1 and any(inside):
            return
        cuts = self.cuts
        peak = cuts.alive[start] + cuts.new_bytes(costs.stored, start) + costs.scratch
        if peak > 2 * most:
            return
        if len(costs.stored) == 1:
            dead = [t for t in costs.sources if cuts.dies_before(t, end)]
            dying = {t: d for t in dead if (d := grown.distance(t)) is not None}
            peak -= cuts.saved(dying, costs.stored[0])
        if peak > most:
            return
        segment = Segment(grown.operators, bands, composites=grown.composites)
        yield Move(start, end, peak, costs.macs, costs.cycles, (segment,))

    def alone(self, index: int) -> list[Move]:
        """Return the ways to run one operator by itself."""
        return self._single[index]

    def reads_once(self, operators: Collection[int]) -> bool:
        """Tell whether some of these operators read rows that come only once."""
        return any(not readers.isdisjoint(operators) for readers in self._together)

    def _alone(self, op: OperatorDesc) -> Iterator[Move]:
        if op.rows:
            cut = op.index + 1
            growth = Growth(self.network, op.index, self.cuts.needed[cut], self.fetched, False)
            yield from self._segment(growth.costs(), op.index, cut)
            yield from self._in_blocks((op.index,))
        else:
            yield self._whole(op)

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

    def _grown(self, growth: Growth, end: int) -> Iterator[Move]:
        for start in range(end - 2, -1, -1):
            if not growth.prepend(start) or growth.least_scratch > self.limit:
                return
            yield from self._segment(growth.costs(), start, end)

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

    def _segment(self, costs: SegmentCosts | None, start: int, end: int) -> list[Move]:
        if costs is None:
            return []
        inside = [readers & set(costs.operators) for readers in self._together]
        if any(part and part != readers for part, readers in zip(inside, self._together, strict=True)):
            return []
        fixed = self.cuts.alive[start] + self.cuts.new_bytes(costs.stored, start)
        return self.by_bands(
            costs, start, end, fixed, self.saved(costs, end), 1 if any(inside) else MOST_BANDS
        )

    def by_bands(
        self, costs: SegmentCosts, start: int, end: int, fixed: int, saved: int, most: int = MOST_BANDS
    ) -> list[Move]:
        """Return the moves that run a segment in 1 to `most` bands.

        Parameters
        ----------
        costs : SegmentCosts
        start, end : int
            Cuts.
        fixed : int
            Bytes in use beside the segment's scratch.
        saved : int
            Bytes that the output can share with dying inputs when there is one band.
        most : int
            Bands.
        """
        return undominated(
            [
                Move(
                    start,
                    end,
                    fixed + int(costs.scratch[i]) - (saved if i == 0 else 0),
                    int(costs.macs[i]),
                    int(costs.cycles[i]),
                    (Segment(costs.operators, i + 1),),
                )
                for i in np.flatnonzero(costs.legal[:most]).tolist()
            ]
        )

    def saved(self, costs: SegmentCosts, end: int) -> int:
        """Return the bytes that a segment's output can share with inputs that are not needed from `end` on."""
        if len(costs.stored) > 1:
            return 0
        dying = {t: d for t, d in costs.distances.items() if self.cuts.dies_before(t, end)}
        return self.cuts.saved(dying, costs.stored[0])
