"""Heuristics: put buffers one after the other at the lowest offset that is free, in a good order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.planner.arena.problem import Problem


@dataclass(frozen=True)
class Packing:
    """Offsets of the buffers of a problem, the arena's size in bytes, and the order that gave them."""

    offsets: tuple[int, ...]
    size: int
    order: tuple[int, ...]


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
        return Packing(tuple(o for o in offsets if o is not None), size, tuple(order))


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


def hill_climb(fit: FirstFit, start: Packing, target: int, rounds: int, seed: int = 0) -> Packing:
    """Improve an order by moving what lies at the top of the arena, or what it meets, to the front.

    Parameters
    ----------
    fit : FirstFit
    start : Packing
        Where to begin; the answer is never larger.
    target : int
        Stop at this many bytes.
    rounds : int
        Number of orders tried.
    seed : int
        The walk is a function of the seed alone.
    """
    chance = random.Random(seed)
    buffers = fit.problem.buffers
    best = now = start
    for _ in range(rounds):
        if best.size <= target:
            break
        top = [k for k, o in enumerate(now.offsets) if o + buffers[k].size == now.size]
        chosen = chance.choice(top)
        if fit.neighbours[chosen] and chance.random() < 0.5:
            chosen = chance.choice(fit.neighbours[chosen])[0]
        order = list(now.order)
        position = order.index(chosen)
        if position and chance.random() < 0.7:
            order.insert(chance.randrange(position), order.pop(position))
        else:
            other = chance.randrange(len(order))
            order[position], order[other] = order[other], order[position]
        candidate = fit.place(order)
        # Sideways steps cross plateaus; a rare step uphill (an eighth at most) leaves a valley.
        if candidate.size <= now.size or (candidate.size * 8 <= best.size * 9 and chance.random() < 0.02):
            now = candidate
        if now.size < best.size:
            best = now
    return best
