"""The ways to reach the cuts of a network by moves between them: dynamic programming.

A state is a cut; what lives there does not depend on how it was reached, so of all ways to reach a cut only those
matter that no other beats in peak memory, multiply-accumulates and cycles together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tvm_patch.planner.network import Network
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.pareto import pareto

Second = Literal["work", "cycles", "both"]


@dataclass(frozen=True)
class Reached:
    """The undominated ways to reach a cut.

    Attributes
    ----------
    costs : ndarray of int64, shape (ways, costs)
    steps : ndarray of int64, shape (ways, 2)
        Per way: the last move, and the way before it among those that reach the cut where the move starts.
    moves : sequence of Move
    """

    costs: Any
    steps: Any
    moves: Sequence[Move]


def reach(
    network: Network, found: Sequence[Sequence[Move]], most_macs: int, *, second: Second = "work"
) -> list[Reached]:
    """Return the ways to reach every cut.

    Parameters
    ----------
    network : Network
    found : sequence of sequence of Move
        By the cut where they end.
    most_macs : int
        Ways with more multiply-accumulates are left out.
    second : {"work", "cycles", "both"}
        What ways are compared by beside memory.
    """
    left = _After.of(network, found)
    if second == "both":
        ends = [reach(network, found, most_macs, second=one)[-1].costs for one in ("work", "cycles")]
        left.beaten_by = ends
    ways = [Reached(np.zeros((1, 3), np.int64), np.zeros((1, 2), np.int64), ())]
    # All ways so far, one cut after the other.
    known, begins = ways[0].costs, [0, 1]
    for end in range(1, len(network.operators) + 1):
        moves = found[end]
        each = np.array([m.costs for m in moves], np.int64).reshape(-1, 3)
        starts = np.array([m.start for m in moves], np.int64)
        begin = np.array(begins, np.int64)
        sizes = (begin[1:] - begin[:-1])[starts]
        move = np.repeat(np.arange(len(moves)), sizes)
        way = np.arange(len(move)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        after = known[begin[starts][move] + way]
        peak = np.maximum(after[:, 0], each[move, 0])
        after = after + each[move]
        after[:, 0] = peak
        worth = np.flatnonzero(after[:, 1] + left.macs[end] <= most_macs)
        best = worth[pareto(after[worth][:, [0, 2 if second == "cycles" else 1]])]
        if second == "both":
            worth = worth[left.may_end(after[worth], end)]
            best = np.union1d(best, worth[_coarsely(after[worth], network.macs)])
            best = best[np.lexsort(after[best].T[::-1])]
        ways.append(Reached(after[best], np.stack([move[best], way[best]], axis=1), moves))
        known = np.concatenate([known, ways[-1].costs])
        begins.append(len(known))
    return ways


@dataclass
class _After:
    """What is left to do after each cut, at least, and ways to do all.

    Attributes
    ----------
    macs, cycles : ndarray of int64
        By cut.
    beaten_by : sequence of ndarray of int64, shape (ways, 3)
        Costs of ways through the whole network, least memory first: those that no other beats in memory and one other
        cost.
    """

    macs: Any
    cycles: Any
    beaten_by: Sequence[Any] = ()

    @classmethod
    def of(cls, network: Network, found: Sequence[Sequence[Move]]) -> _After:
        count = len(network.operators)
        macs = np.zeros(count + 1, np.int64)
        macs[:-1] = np.cumsum([op.macs for op in reversed(network.operators)])[::-1]
        cycles = np.full(count + 1, np.iinfo(np.int64).max // 2)
        cycles[-1] = 0
        for moves in reversed(found):
            for move in moves:
                cycles[move.start] = min(cycles[move.start], cycles[move.end] + move.cycles)
        return cls(macs, cycles)

    def may_end(self, costs: Any, cut: int) -> Any:
        """Tell which ways to a cut may end as one that is not known to be beaten."""
        macs, cycles = costs[:, 1] + self.macs[cut], costs[:, 2] + self.cycles[cut]
        good = np.ones(len(costs), bool)
        for known in self.beaten_by:
            # The best of those that need no more memory.
            at = np.searchsorted(known[:, 0], costs[:, 0], side="right") - 1
            there = known[at]
            beaten = (there[:, 1] <= macs) & (there[:, 2] <= cycles)
            good &= (at < 0) | ~beaten | ((there[:, 1] == macs) & (there[:, 2] == cycles))
        return good


_GRAIN = 200
"""Smaller parts of the multiply-accumulates of the network, and of the cycles so far, do not count as faster."""


def _coarsely(costs: Any, macs: int) -> Any:
    """Return the indices of the ways that no other beats in memory, work and cycles, in what can be noticed.

    Parameters
    ----------
    costs : ndarray of int64
    macs : int
        Multiply-accumulates of the network.
    """
    if not len(costs):
        return np.zeros(0, np.int64)
    order = np.lexsort(costs.T[::-1])
    coarse = costs[order]
    coarse[:, 1] //= max(1, macs // _GRAIN)
    coarse[:, 2] //= max(1, int(coarse[:, 2].min()) // _GRAIN)
    # Of those that count as equal in work and cycles the first needs the least memory.
    _, first = np.unique(coarse[:, 1] * (int(coarse[:, 2].max()) + 1) + coarse[:, 2], return_index=True)
    first.sort()
    return order[first[pareto(coarse[first])]]
