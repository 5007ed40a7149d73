"""Steps of the search: from one cut of a network to a later one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from tvm_patch.planner.network import Network
from tvm_patch.planner.placement import Footprint
from tvm_patch.planner.segments import Segment


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
    cycles : int
        Estimated.
    segments : tuple of Segment
        In run order.
    footprint : Footprint or None
        What the only segment asks of the arena, where that is at hand.
    """

    start: int
    end: int
    peak: int
    macs: int
    cycles: int
    segments: tuple[Segment, ...]
    footprint: Footprint | None = field(default=None, compare=False, repr=False)

    @property
    def costs(self) -> tuple[int, int, int]:
        """Peak, multiply-accumulates and cycles."""
        return self.peak, self.macs, self.cycles


def idle_peaks(network: Network, moves: Sequence[Move]) -> list[int]:
    """Return the least bytes in use while each operator runs, of some moves, with nothing computed twice."""
    least = [sys.maxsize] * len(network.operators)
    for move in moves:
        operators = range(move.start, move.end)
        if move.macs <= sum(network.operators[i].macs for i in operators) and len(move.segments) == 1:
            for i in operators:
                least[i] = min(least[i], move.peak)
    return least


def undominated(moves: Sequence[Move]) -> list[Move]:
    """Return the moves that no other one beats in everything; all must have the same cuts."""
    kept: list[Move] = []
    for move in sorted(moves, key=lambda m: m.costs):
        if not any(k.macs <= move.macs and k.cycles <= move.cycles for k in kept):
            kept.append(move)
    return kept
