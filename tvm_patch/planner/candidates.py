"""Ways to get from one cut of a network to a later one: a segment, or a squeeze-and-excite in two passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tvm_patch.planner.cuts import Cuts
from tvm_patch.planner.estimate import whole_cost
from tvm_patch.planner.growth import MOST_BANDS, Growth, SegmentCosts
from tvm_patch.planner.layout import aligned, joins_as_reduction
from tvm_patch.planner.network import Network, OperatorDesc
from tvm_patch.planner.segments import Segment

_NEVER = 1 << 60


@dataclass(frozen=True)
class Move:
    """Operators from one cut to another, and what running them costs.

    Attributes
    ----------
    start, end : int
        Cuts: operators start..end-1 run, some perhaps twice.
    peak : int
        Bytes that are in use at once, at least; the arena may be larger by what does not fit together.
    macs : int
        Multiply-accumulates that are run.
    instructions : int
        Estimated.
    segments : tuple of Segment
        In run order.
    """

    start: int
    end: int
    peak: int
    macs: int
    instructions: int
    segments: tuple[Segment, ...]

    @property
    def costs(self) -> tuple[int, int, int]:
        """Peak, multiply-accumulates and instructions."""
        return self.peak, self.macs, self.instructions


def undominated(moves: Sequence[Move]) -> list[Move]:
    """Return the moves that no other one beats in everything; all must have the same cuts."""
    kept: list[Move] = []
    for move in sorted(moves, key=lambda m: m.costs):
        if not any(k.macs <= move.macs and k.instructions <= move.instructions for k in kept):
            kept.append(move)
    return kept


class Candidates:
    """All moves of a network.

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
        self._single = [list(self._alone(op)) for op in network.operators]
        # A segment whose row buffers alone need more than running layer by layer cannot be worth it.
        self._limit = max((min((m.peak for m in moves), default=_NEVER) for moves in self._single), default=0)

    def moves_to(self, end: int) -> Iterator[Move]:
        """Yield the segments that end before cut `end`, shortest first."""
        sink = self.network.operators[end - 1]
        yield from self._single[end - 1]
        reduces = joins_as_reduction(sink, 2)
        if sink.rows or reduces:
            growth = Growth(self.network, sink.index, self.cuts.needed[end], self.fetched, reduces)
            yield from self._grown(growth, end)

    def _alone(self, op: OperatorDesc) -> Iterator[Move]:
        if op.rows:
            cut = op.index + 1
            growth = Growth(self.network, op.index, self.cuts.needed[cut], self.fetched, False)
            yield from self._segment(growth.costs(), op.index, cut)
        else:
            yield self._whole(op)

    def _grown(self, growth: Growth, end: int) -> Iterator[Move]:
        for start in range(end - 2, -1, -1):
            if not growth.prepend(start) or growth.least_scratch > self._limit:
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
        legal = costs.legal
        for readers in self._together:
            inside = readers & set(costs.operators)
            if inside and inside != readers:
                return []
            if inside:
                legal = legal & (np.arange(MOST_BANDS) == 0)
        if not legal.any():
            return []
        fixed = self.cuts.alive[start] + self.cuts.new_bytes(costs.stored, start)
        moves = []
        for i in np.flatnonzero(legal).tolist():
            peak = fixed + int(costs.scratch[i])
            if i == 0:
                peak -= self._saved(costs, end)
            segment = Segment(costs.operators, i + 1)
            moves.append(Move(start, end, peak, int(costs.macs[i]), int(costs.instructions[i]), (segment,)))
        return undominated(moves)

    def _saved(self, costs: SegmentCosts, end: int) -> int:
        if len(costs.stored) > 1:
            return 0
        dying = {t: d for t, d in costs.distances.items() if self.cuts.dies_before(t, end)}
        return self.cuts.saved(dying, costs.stored[0])
