"""The ways to reach the cuts of a network by moves between them: dynamic programming.

A state is a cut; what lives there does not depend on how it was reached, so of all ways to reach a cut only those
matter that no other beats in peak memory, multiply-accumulates and cycles together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_patch.planner.network import Network
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.pareto import pareto


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
    network: Network, found: Sequence[Sequence[Move]], most_macs: int, *, fast: bool = True
) -> list[Reached]:
    """Return the ways to reach every cut.

    Parameters
    ----------
    network : Network
    found : sequence of sequence of Move
        By the cut where they end.
    most_macs : int
        Ways with more multiply-accumulates are left out.
    fast : bool
        Whether ways that need more memory and work are kept too where they take fewer cycles.
    """
    count = len(network.operators)
    left = np.zeros(count + 1, np.int64)
    left[:-1] = np.cumsum([op.macs for op in reversed(network.operators)])[::-1]
    ways = [Reached(np.zeros((1, 3), np.int64), np.zeros((1, 2), np.int64), ())]
    # All ways so far, one cut after the other.
    known, begins = ways[0].costs, [0, 1]
    for end in range(1, count + 1):
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
        worth = np.flatnonzero(after[:, 1] + left[end] <= most_macs)
        best = worth[_best(after[worth], network.macs, fast)]
        ways.append(Reached(after[best], np.stack([move[best], way[best]], axis=1), moves))
        known = np.concatenate([known, ways[-1].costs])
        begins.append(len(known))
    return ways


_GRAIN = 200
"""Smaller parts of the multiply-accumulates of the network, and of the cycles so far, do not count as faster."""


def _best(costs: Any, macs: int, fast: bool) -> Any:
    """Return the indices of the ways that no other beats in memory and work, and perhaps of faster ones.

    Parameters
    ----------
    costs : ndarray of int64
    macs : int
        Multiply-accumulates of the network.
    fast : bool
    """
    order = np.lexsort(costs.T[::-1])
    ordered = costs[order]
    lean = pareto(ordered[:, :2])
    if not fast or not len(costs):
        return order[lean]
    coarse = ordered.copy()
    coarse[:, 1] //= max(1, macs // _GRAIN)
    coarse[:, 2] //= max(1, int(coarse[:, 2].min()) // _GRAIN)
    return order[np.union1d(lean, pareto(coarse))]
