"""Search for plans: dynamic programming over the cuts of a network.

A state is a cut; what lives there does not depend on how it was reached, so of all ways to reach a cut only those
matter that no other beats in peak memory, multiply-accumulates and instructions together.  Peaks are lower bounds on
the arena (they are what must be in use at once); the arena planner places every answer before it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.planner.candidates import Candidates
from tvm_patch.planner.memory import arena_bytes
from tvm_patch.planner.modes import InputMode, fetched_inputs
from tvm_patch.planner.moves import Move
from tvm_patch.planner.network import Network
from tvm_patch.planner.pareto import pareto
from tvm_patch.planner.segments import Segment

MOST_OVERHEAD = 1.5
"""Multiply-accumulates executed over those of the network beyond which plans are not looked for, unless asked."""

NOTICED = 0.005
"""Relative difference of instructions or multiply-accumulates below which plans count as equally fast."""

_FRONT = 32
"""Points of a front that are placed exactly; a longer one is thinned out evenly."""

_HINTS: dict[InputMode, str] = {
    "resident": "allow more",
    "rereadable": "allow more, or keep the input resident",
    "streamed": "allow more, or make the input rereadable: streamed rows must all be used by one segment in one band",
}


@dataclass(frozen=True)
class Point:
    """A way to run the network.

    Attributes
    ----------
    segments : tuple of Segment
        In run order.
    arena_bytes : int
        As the compiler allocates it.
    macs : int
        Multiply-accumulates executed.
    instructions : int
        Estimated.
    """

    segments: tuple[Segment, ...]
    arena_bytes: int
    macs: int
    instructions: int

    @property
    def costs(self) -> tuple[int, int, int]:
        """Arena, multiply-accumulates and instructions."""
        return self.arena_bytes, self.macs, self.instructions


@dataclass(frozen=True)
class _Ways:
    """The undominated ways to reach a cut: their costs, and per way the last move and the way before it."""

    costs: Any
    steps: Any
    moves: Sequence[Move]


_KEYS: dict[str, Callable[[Point], tuple[int, int]]] = {
    "memory": lambda p: (p.arena_bytes, p.instructions),
    "time": lambda p: (p.instructions, p.arena_bytes),
    "balanced": lambda p: (p.arena_bytes * p.instructions, p.arena_bytes),
}


class Search:
    """Plans of one network under one input mode.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    mode : {"resident", "rereadable", "streamed"}
        Where the input comes from.
    most_overhead : float
        Plans with more multiply-accumulates, relative to the network's, are left out.

    Raises
    ------
    PlanError
        When the input cannot be fetched as the mode says, or no plan exists.
    """

    def __init__(
        self, network: Network, mode: InputMode = "resident", most_overhead: float = MOST_OVERHEAD
    ) -> None:
        self.network, self.mode = network, mode
        self.fetched = fetched_inputs(network, mode)
        self._most_macs = int(network.macs * most_overhead)
        self._ways = self._run()
        self._placed: dict[tuple[Segment, ...], int] = {}
        if not len(self._ways[-1].costs):
            raise PlanError(
                f"no plan runs {network.name} with {mode} input at an overhead of at most {most_overhead:g}; "
                + _HINTS[mode]
            )

    def _run(self) -> list[_Ways]:
        count = len(self.network.operators)
        candidates = Candidates(self.network, self.fetched, self.mode == "streamed")
        left = np.concatenate([np.cumsum([op.macs for op in self.network.operators][::-1])[::-1], [0]])
        ways = [_Ways(np.zeros((1, 3), np.int64), np.zeros((1, 2), np.int64), ())]
        for end in range(1, count + 1):
            moves = [m for m in candidates.moves_to(end) if len(ways[m.start].costs)]
            costs, steps = [np.zeros((0, 3), np.int64)], [np.zeros((0, 2), np.int64)]
            for i, move in enumerate(moves):
                after = ways[move.start].costs + np.array([0, move.macs, move.instructions])
                after[:, 0] = np.maximum(after[:, 0], move.peak)
                worth = np.flatnonzero(after[:, 1] + left[end] <= self._most_macs)
                costs.append(after[worth])
                steps.append(np.stack([np.full(len(worth), i), worth], axis=1))
            joined = np.concatenate(costs)
            best = pareto(joined)
            ways.append(_Ways(joined[best], np.concatenate(steps)[best], moves))
        return ways

    def _segments(self, way: int) -> tuple[Segment, ...]:
        moves: list[Move] = []
        end = len(self._ways) - 1
        while end:
            move, way = self._ways[end].steps[way].tolist()
            moves.append(self._ways[end].moves[move])
            end = moves[-1].start
        return tuple(s for move in reversed(moves) for s in move.segments)

    def _point(self, way: int) -> Point:
        segments = self._segments(way)
        if segments not in self._placed:
            self._placed[segments] = arena_bytes(self.network, segments, self.fetched)
        _, macs, instructions = self._ways[-1].costs[way].tolist()
        return Point(segments, self._placed[segments], macs, instructions)

    @cached_property
    def front(self) -> tuple[Point, ...]:
        """Plans worth choosing from, least arena first.

        No other plan beats one of them in arena, multiply-accumulates and instructions, and each is better than all
        with less memory by what can be noticed (:data:`NOTICED`).  At most a few dozen; from a longer front the ends
        and an even choice between.
        """
        worth = self._noticeable(self._ways[-1].costs.tolist())
        chosen = np.unique(np.rint(np.linspace(0, len(worth) - 1, min(len(worth), _FRONT))).astype(int))
        points = [self._point(worth[i]) for i in chosen.tolist()]
        best = [points[i] for i in pareto(np.array([p.costs for p in points], np.int64)).tolist()]
        return tuple(best[i] for i in self._noticeable([list(p.costs) for p in best]))

    def _noticeable(self, costs: Sequence[Sequence[int]]) -> list[int]:
        """Return which of some choices, least memory first, are better in time or work than those before."""
        kept: list[int] = []
        least_macs = least_instructions = float("inf")
        for i, (_, macs, instructions) in enumerate(costs):
            if macs < least_macs * (1 - NOTICED) or instructions < least_instructions * (1 - NOTICED):
                kept.append(i)
                least_macs, least_instructions = min(least_macs, macs), min(least_instructions, instructions)
        return kept

    def best(
        self,
        objective: Literal["memory", "time", "balanced"],
        sram: int | None = None,
        max_overhead: float | None = None,
    ) -> Point | None:
        """Return the best plan within limits, None when there is none.

        Parameters
        ----------
        objective : {"memory", "time", "balanced"}
            Least arena; fewest estimated instructions, of those that take noticeably the same (:data:`NOTICED`) the
            least arena; least product of both: a tenth less of one is worth a tenth of the other.
        sram : int, optional
            Most bytes of the arena.
        max_overhead : float, optional
            Most multiply-accumulates executed over those of the network.
        """
        found = self._best(_KEYS[objective], sram, max_overhead)
        if objective == "time" and found is not None:
            fast = int(found.instructions * (1 + NOTICED))
            return self._best(_KEYS["memory"], sram, max_overhead, fast)
        return found

    def least_memory(self, max_overhead: float | None = None) -> Point:
        """Return the plan with the least arena.

        Raises
        ------
        PlanError
            When no plan has so little overhead.
        """
        found = self.best("memory", None, max_overhead)
        if found is None:
            least = int(self._ways[-1].costs[:, 1].min()) / max(1, self.network.macs)
            raise PlanError(f"no plan has an overhead of at most {max_overhead:g}; the least is {least:.4f}")
        return found

    def _best(
        self,
        key: Callable[[Point], tuple[int, int]],
        sram: int | None,
        max_overhead: float | None,
        slowest: int | None = None,
    ) -> Point | None:
        """Place plans from the most promising on, until what is left cannot be better even if it fits perfectly."""
        # Half a multiply-accumulate more: 1.1 times a whole number may come out just below it.
        most_macs = self._most_macs if max_overhead is None else self.network.macs * max_overhead + 0.5
        promises = []
        for way, (peak, macs, instructions) in enumerate(self._ways[-1].costs.tolist()):
            if macs > most_macs or (slowest is not None and instructions > slowest):
                continue
            if sram is None or peak <= sram:
                promises.append((key(Point((), peak, macs, instructions)), way))
        best: tuple[tuple[int, int], Point] | None = None
        for promise, way in sorted(promises):
            if best is not None and best[0] <= promise:
                break
            point = self._point(way)
            if (sram is None or point.arena_bytes <= sram) and (best is None or key(point) < best[0]):
                best = (key(point), point)
        return None if best is None else best[1]
