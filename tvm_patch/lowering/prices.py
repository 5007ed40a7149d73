"""What arena buys: for each size that a schedule's arena may have, how long its kernels take with the scratch in it.

An arena is a maximum over time, so each operator may use what its segment leaves free of it.  What is free is counted
by size; where it cannot be had in one piece, :func:`tvm_patch.lowering.fit_kernels.fit_kernels` gives a little less.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tvm_patch.lowering.variants import Variants, alone_operators
from tvm_patch.planner.explain import plan_memory
from tvm_patch.planner.schedule import Schedule


@dataclass(frozen=True)
class _Offer:
    """Efforts of an operator, falling, by the arenas that they need, rising."""

    arenas: tuple[int, ...]
    efforts: tuple[float, ...]
    ample: float

    def late(self, arena: int) -> float:
        return self.efforts[bisect_right(self.arenas, arena) - 1] - self.ample


class Prices:
    """Time of a schedule by its arena.

    Parameters
    ----------
    schedule : Schedule
        With little scratch.
    variants : Variants
        Of its kernels.
    """

    def __init__(self, schedule: Schedule, variants: Variants) -> None:
        self._schedule, self._variants = schedule, variants

    @cached_property
    def arenas(self) -> tuple[int, ...]:
        """Bytes of arenas that buy something, least first; the first is what the schedule needs anyway."""
        least = self._schedule.arena_bytes
        more = {arena for offer in self._offers for arena in offer.arenas if arena > least}
        return (least, *sorted(more))

    def late(self, arena: int) -> float:
        """Return what all kernels take more with such an arena than each does with ample scratch.

        In cycles, estimated; negative where even more pays.
        """
        return sum(offer.late(arena) for offer in self._offers)

    @cached_property
    def _offers(self) -> tuple[_Offer, ...]:
        return tuple(self._all())

    def _all(self) -> Iterator[_Offer]:
        schedule, variants = self._schedule, self._variants
        alone, ample = alone_operators(schedule), schedule.network.target.ample_scratch
        operators = schedule.network.operators
        # By operator: bytes in use and scratch of the segments that it is in, and how often it runs.
        inside: dict[int, list[tuple[int, int]]] = defaultdict(list)
        runs: dict[int, float] = defaultdict(float)
        for part in plan_memory(schedule).segments:
            own = part.segment.own_kernels
            scratch = max((operators[i].scratch_bytes for i in own), default=0)
            for i in own:
                inside[i].append((part.in_use, scratch))
                runs[i] += part.overhead
        for i, segments in inside.items():
            arenas, efforts = list[int](), list[float]()
            for variant in variants.of(i, alone=i in alone):
                arena = max(used + max(0, variant.scratch_bytes - has) for used, has in segments)
                if arenas and arena <= arenas[-1]:
                    arenas.pop()
                    efforts.pop()
                arenas.append(arena)
                efforts.append(runs[i] * variant.effort)
            if efforts[0]:
                wide = variants.within(i, ample, alone=i in alone).effort
                yield _Offer(tuple(arenas), tuple(efforts), runs[i] * wide)
