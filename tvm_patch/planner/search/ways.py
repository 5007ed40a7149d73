"""Ways to run a network, of which the best within limits is placed and given.

What a search knows of a way is a lower bound of its arena: what must be in use at once.  The arena planner places a
way before it becomes an answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.pareto import pareto
from tvm_patch.planner.segments import Segment

NOTICED = 0.005
"""Relative difference of cycles, work or bytes below which plans count as equal."""

_FRONT = 32
"""Points of a front that are placed exactly; a longer one is thinned out evenly."""


@dataclass(frozen=True)
class Point:
    """A way to run the network.

    Attributes
    ----------
    schedule : Schedule
        Its segments, laid out.
    cycles : int
        Estimated.
    """

    schedule: Schedule
    cycles: int

    @property
    def segments(self) -> tuple[Segment, ...]:
        """In run order."""
        return self.schedule.segments

    @property
    def arena_bytes(self) -> int:
        """As the compiler allocates it."""
        return self.schedule.arena_bytes

    @property
    def macs(self) -> int:
        """Multiply-accumulates executed."""
        return self.schedule.macs_executed

    @property
    def costs(self) -> tuple[int, int, int]:
        """Arena, multiply-accumulates and cycles."""
        return self.arena_bytes, self.macs, self.cycles


WORTH_OF_MEMORY = 4
"""Percent of time that a percent of the arena may cost, where memory is the aim."""

_Key = Callable[[int, int], tuple[float, int]]
_KEYS: dict[str, _Key] = {
    "least": lambda arena, cycles: (arena, cycles),
    "memory": lambda arena, cycles: (arena * cycles ** (1 / WORTH_OF_MEMORY), arena),
    "time": lambda arena, cycles: (cycles, arena),
    "balanced": lambda arena, cycles: (arena * cycles, arena),
}
"""What is to be least, of bytes of the arena and cycles."""


class Ways(ABC):
    """Undominated ways to run one network.

    Parameters
    ----------
    network : Network
    mode : {"resident", "rereadable", "streamed"}
        Where the inputs come from.
    costs : ndarray of int64, shape (ways, 3)
        Per way: bytes in use at once, at least; multiply-accumulates; estimated cycles.  Least memory first.
    most_macs : int
        Ways with more multiply-accumulates are left out.
    known : sequence of Point
        Ways that are placed already.  Of two ways with the same bound a search keeps one, which may be the one that is
        placed worse.
    """

    def __init__(
        self,
        network: Network,
        mode: InputMode,
        costs: Any,
        most_macs: int,
        known: Sequence[Point] = (),
    ) -> None:
        self.network, self.mode = network, mode
        self._known = tuple(known)
        self._costs, self._most_macs = costs, most_macs
        self._scheduled: dict[tuple[Segment, ...], Schedule] = {}

    @property
    def least_in_use(self) -> int:
        """Bytes below which no way can come; placing may take more."""
        return int(self._costs[:, 0].min())

    @abstractmethod
    def segments_of(self, way: int) -> tuple[Segment, ...]:
        """Return the segments of a way."""

    def leaner(self, way: int) -> tuple[tuple[Segment, ...], int] | None:
        """Return the segments and cycles of a way like another that is easier to place, if one is known."""
        return None

    def _lean_point(self, way: int) -> Point | None:
        found = self.leaner(way)
        if found is None:
            return None
        segments, cycles = found
        if segments not in self._scheduled:
            self._scheduled[segments] = Schedule.of(self.network, segments, self.mode)
        return Point(self._scheduled[segments], cycles)

    def _point(self, way: int) -> Point:
        segments = self.segments_of(way)
        if segments not in self._scheduled:
            self._scheduled[segments] = Schedule.of(self.network, segments, self.mode)
        return Point(self._scheduled[segments], int(self._costs[way, 2]))

    @cached_property
    def front(self) -> tuple[Point, ...]:
        """Plans worth choosing from, least arena first.

        No other plan beats one of them in arena, multiply-accumulates and cycles, and each is better than all
        with less memory by what can be noticed (:data:`NOTICED`).  At most a few dozen; from a longer front the ends
        and an even choice between.
        """
        worth = self._noticeable(self._costs.tolist())
        chosen = np.unique(np.rint(np.linspace(0, len(worth) - 1, min(len(worth), _FRONT))).astype(int))
        points = [*(self._point(worth[i]) for i in chosen.tolist()), *self._known]
        best = [points[i] for i in pareto(np.array([p.costs for p in points], np.int64)).tolist()]
        return tuple(best[i] for i in self._noticeable([list(p.costs) for p in best]))

    def _noticeable(self, costs: Sequence[Sequence[int]]) -> list[int]:
        """Return which of some choices, least memory first, are better in time or work than those before."""
        kept: list[int] = []
        least_macs = least_cycles = float("inf")
        for i, (_, macs, cycles) in enumerate(costs):
            if macs < least_macs * (1 - NOTICED) or cycles < least_cycles * (1 - NOTICED):
                kept.append(i)
                least_macs, least_cycles = min(least_macs, macs), min(least_cycles, cycles)
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
            Little arena, a percent of which is worth four percent of estimated cycles (:data:`WORTH_OF_MEMORY`); fewest
            cycles, of those that take noticeably the same (:data:`NOTICED`) the least arena; least product of both: a
            tenth less of one is worth a tenth of the other.
        sram : int, optional
            Most bytes of the arena.
        max_overhead : float, optional
            Most multiply-accumulates executed over those of the network.
        """
        if objective == "memory":  # which never asks for more than is needed without a plan
            sram = min([p.arena_bytes for p in self._known] + ([] if sram is None else [sram]), default=None)
        found = self._best(_KEYS[objective], sram, max_overhead)
        if objective == "time" and found is not None:
            fast = int(found.cycles * (1 + NOTICED))
            # Among ways that are as fast; where only one like them that is easier to place fits, there is no other.
            return self._best(_KEYS["least"], sram, max_overhead, fast) or found
        return found

    def least_memory(self, max_overhead: float | None = None) -> Point:
        """Return the plan with the least arena.

        Raises
        ------
        PlanError
            When no plan has so little overhead.
        """
        found = self._best(_KEYS["least"], None, max_overhead)
        if found is None:
            least = int(self._costs[:, 1].min()) / max(1, self.network.macs)
            raise PlanError(f"no plan has an overhead of at most {max_overhead:g}; the least is {least:.4f}")
        return found

    def _best(
        self,
        key: _Key,
        sram: int | None,
        max_overhead: float | None,
        slowest: int | None = None,
    ) -> Point | None:
        """Place plans from the most promising on, until what is left cannot be better even if it fits perfectly."""
        # Half a multiply-accumulate more: 1.1 times a whole number may come out just below it.
        most_macs = self._most_macs if max_overhead is None else self.network.macs * max_overhead + 0.5
        promises = []
        for way, (peak, macs, cycles) in enumerate(self._costs.tolist()):
            if macs > most_macs or (slowest is not None and cycles > slowest):
                continue
            if sram is None or peak <= sram:
                promises.append((key(peak, cycles), way))
        best: tuple[tuple[float, int], Point] | None = None

        def consider(point: Point) -> None:
            nonlocal best
            worth = key(point.arena_bytes, point.cycles)
            if (sram is None or point.arena_bytes <= sram) and (best is None or worth < best[0]):
                best = (worth, point)

        for point in self._known:
            if point.macs <= most_macs and (slowest is None or point.cycles <= slowest):
                consider(point)
        for promise, way in sorted(promises):
            if best is not None and best[0] <= promise:
                break
            point = self._point(way)
            consider(point)
            if point.arena_bytes > self._costs[way, 0] and slowest is None:
                lean = self._lean_point(way)
                if lean is not None:
                    consider(lean)
        return None if best is None else best[1]
