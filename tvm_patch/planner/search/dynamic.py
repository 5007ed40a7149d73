"""Search for plans: dynamic programming over the cuts of a network.

A state is a cut; what lives there does not depend on how it was reached, so of all ways to reach a cut only those
matter that no other beats in peak memory, multiply-accumulates and cycles together.  Peaks are lower bounds on
the arena (they are what must be in use at once); the arena planner places every answer before it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.one_segment import OneSegment
from tvm_patch.planner.search.pareto import pareto
from tvm_patch.planner.search.two_passes import TwoPasses
from tvm_patch.planner.search.ways import Ways
from tvm_patch.planner.segments import Segment

_NEVER = 1 << 60
MOST_OVERHEAD = 1.5
"""Multiply-accumulates executed over those of the network beyond which plans are not looked for, unless asked."""

_HINTS: dict[InputMode, str] = {
    "resident": "allow more",
    "rereadable": "allow more, or keep the input resident",
    "streamed": "allow more, or make the input rereadable: streamed rows must all be used by one segment in one band",
}


@dataclass(frozen=True)
class _Reached:
    """The undominated ways to reach a cut: their costs, and per way the last move and the way before it."""

    costs: Any
    steps: Any
    moves: Sequence[Move]


class Search(Ways):
    """Plans of one network under one input mode.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    mode : {"resident", "rereadable", "streamed"}
        Where the input comes from.
    most_overhead : float
        Plans with more multiply-accumulates, relative to the network's, are left out.
    progress : callable, optional
        Called with the fraction of the cuts that are reached.

    Raises
    ------
    PlanError
        When the input cannot be fetched as the mode says, or no plan exists.
    """

    def __init__(
        self,
        network: Network,
        mode: InputMode = "resident",
        most_overhead: float = MOST_OVERHEAD,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        most_macs = int(network.macs * most_overhead)
        self._ways = _run(network, mode, most_macs, progress)
        once = mode == "streamed" and any(len(network.consumers(name)) > 1 for name in network.inputs)
        known = () if once else (layer_point(network, mode),)
        super().__init__(network, mode, self._ways[-1].costs, most_macs, known)
        if not len(self._ways[-1].costs):
            raise PlanError(
                f"no plan runs {network.name} with {mode} input at an overhead of at most {most_overhead:g}; "
                + _HINTS[mode]
            )

    def segments_of(self, way: int) -> tuple[Segment, ...]:
        """Return the segments of a way."""
        return tuple(s for move in self._moves_of(way) for s in move.segments)

    def leaner(self, way: int) -> tuple[tuple[Segment, ...], int]:
        """Return a way with the same cuts and no more work that needs little everywhere, and its cycles.

        What is in use at once away from the peak costs nothing, but stands in the way where tensors are placed.
        """
        moves = []
        for move in self._moves_of(way):
            same = [m for m in self._ways[move.end].moves if m.start == move.start and m.macs <= move.macs]
            moves.append(min(same, key=lambda m: m.costs))
        return tuple(s for move in moves for s in move.segments), sum(move.cycles for move in moves)

    def _moves_of(self, way: int) -> list[Move]:
        moves: list[Move] = []
        end = len(self._ways) - 1
        while end:
            move, way = self._ways[end].steps[way].tolist()
            moves.append(self._ways[end].moves[move])
            end = moves[-1].start
        return moves[::-1]


def _run(
    network: Network,
    mode: InputMode,
    most_macs: int,
    progress: Callable[[float], None] | None = None,
) -> list[_Reached]:
    count = len(network.operators)
    single = OneSegment(network, fetched_inputs(network, mode), mode == "streamed")
    twice = TwoPasses(single)
    found: list[list[Move]] = [[]]
    for end in range(1, count + 1):
        if progress is not None:
            progress(end / (2 * count))
        found.append([*single.moves_to(end), *twice.moves_to(end)])
    ways = _reach(network, found, most_macs)
    idle = ways[-1].costs[ways[-1].costs[:, 1] <= network.macs * _NO_WORK]
    if not len(idle) or network.shapes is None:
        return ways
    # Composites trade work for memory: what needs more than a plan without any work has no use for them.
    most = int(idle[:, 0].min())
    single.candidates.only_above(_WORTH * ways[-1].costs[:, 0].min(), _idle_peaks(network, found))
    for end in range(1, count + 1):
        if progress is not None:
            progress((count + end) / (2 * count))
        found[end] += single.composites_to(end, most)
    return _reach(network, found, most_macs)


_NO_WORK = 1.001
"""Overhead of plans that count as computing nothing twice."""
_WORTH = 0.6
"""Composites are tried where operators need more than this part of the least that a plan without composites needs."""


def _idle_peaks(network: Network, found: Sequence[Sequence[Move]]) -> list[int]:
    """Return the least bytes in use while each operator runs, with nothing computed twice."""
    least = [_NEVER] * len(network.operators)
    for move in (m for moves in found for m in moves):
        operators = range(move.start, move.end)
        if move.macs <= sum(network.operators[i].macs for i in operators) and len(move.segments) == 1:
            for i in operators:
                least[i] = min(least[i], move.peak)
    return least


def _reach(network: Network, found: Sequence[Sequence[Move]], most_macs: int) -> list[_Reached]:
    """Return the ways to reach every cut by some moves, which are given by the cut where they end."""
    left = np.concatenate([np.cumsum([op.macs for op in network.operators][::-1])[::-1], [0]])
    ways = [_Reached(np.zeros((1, 3), np.int64), np.zeros((1, 2), np.int64), ())]
    for end, there in enumerate(found[1:], 1):
        moves = [m for m in there if len(ways[m.start].costs)]
        costs, steps = [np.zeros((0, 3), np.int64)], [np.zeros((0, 2), np.int64)]
        for i, move in enumerate(moves):
            after = ways[move.start].costs + np.array([0, move.macs, move.cycles])
            after[:, 0] = np.maximum(after[:, 0], move.peak)
            worth = np.flatnonzero(after[:, 1] + left[end] <= most_macs)
            costs.append(after[worth])
            steps.append(np.stack([np.full(len(worth), i), worth], axis=1))
        joined = np.concatenate(costs)
        best = pareto(joined)
        ways.append(_Reached(joined[best], np.concatenate(steps)[best], moves))
    return ways
