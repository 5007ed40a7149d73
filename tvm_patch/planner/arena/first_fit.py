"""Heuristics: put buffers one after the other at the lowest offset that is free, in a good order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.planner.arena.problem import Problem


@dataclass(frozen=True)
class Packing:
    """Offsets of the buffers of a problem, and the arena's size in bytes."""

    offsets: tuple[int, ...]
    size: int


class FirstFit:
    """Places the buffers of one problem in any order."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.neighbours: list[list[tuple[int, int, int]]] = [[] for _ in problem.buffers]
        for c in problem.constraints:
            self.neighbours[c.a].append((c.b, c.low, c.high))
            self.neighbours[c.b].append((c.a, -c.high, -c.low))

    def place(self, order: Sequence[int]) -> Packing:
        """Return the packing that `order`, a permutation of buffer indices, gives."""
        buffers = self.problem.buffers
        offsets: list[int | None] = [None] * len(buffers)
        size = 0
        for k in order:
            buffer = buffers[k]
            forbidden = []
            for other, low, high in self.neighbours[k]:
                at = offsets[other]
                if at is not None and at + high > 0:
                    forbidden.append((at + low, at + high))
            forbidden.sort()
            offset = 0
            for low, high in forbidden:
                if low >= offset:
                    break
                if high > offset:
                    offset = buffer.aligned(high)
            offsets[k] = offset
            size = max(size, offset + buffer.size)
        return Packing(tuple(o for o in offsets if o is not None), size)


def greedy_by_size(fit: FirstFit) -> Packing:
    """Place the largest buffer first; as microTVM's memory planner did."""
    buffers = fit.problem.buffers
    return fit.place(sorted(range(len(buffers)), key=lambda k: (-buffers[k].size, buffers[k].first, k)))


def greedy_by_conflicts(fit: FirstFit) -> Packing:
    """Place the buffer that meets most others first."""
    buffers = fit.problem.buffers
    return fit.place(
        sorted(range(len(buffers)), key=lambda k: (-len(fit.neighbours[k]), -buffers[k].size, k))
    )


def greedy_by_pressure(fit: FirstFit) -> Packing:
    """Place the buffer with most bytes alive beside it first."""
    buffers = fit.problem.buffers
    pressure = [b.size + sum(buffers[o].size for o, _, _ in fit.neighbours[k]) for k, b in enumerate(buffers)]
    return fit.place(sorted(range(len(buffers)), key=lambda k: (-pressure[k], -buffers[k].size, k)))
