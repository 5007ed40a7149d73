"""Exact placement by branch and bound over the order of colliding buffers.

Begin with every buffer as low as it can go.  While two buffers collide, one of them has to move above the
other: branch on which.  A branch adds ``offset(b) >= offset(a) + distance``; the least solution of all such
inequalities is found by pushing buffers upwards, and a branch dies when a buffer is pushed past the best arena
known.  Both branches together lose no plan, so when the search ends the best plan found is optimal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tvm_patch.planner.arena.problem import Problem


@dataclass(frozen=True)
class ExactResult:
    """What the search found.

    Attributes
    ----------
    offsets : tuple of int or None
        Offsets of the buffers, when they beat the size to beat.
    complete : bool
        Whether the whole space was searched: nothing smaller exists.
    """

    offsets: tuple[int, ...] | None
    complete: bool


def branch_and_bound(problem: Problem, size: int, target: int, nodes: int) -> ExactResult:
    """Search for an arena smaller than `size` bytes.

    Parameters
    ----------
    problem : Problem
    size : int
        Bytes to beat.
    target : int
        A lower bound, in bytes; the search stops when it is met.
    nodes : int
        Give up after this many branches.
    """
    buffers, constraints = problem.buffers, problem.constraints
    first = np.array([c.a for c in constraints], np.int64)
    second = np.array([c.b for c in constraints], np.int64)
    low = np.array([c.low for c in constraints], np.int64)
    high = np.array([c.high for c in constraints], np.int64)
    sizes = np.array([b.size for b in buffers], np.int64)
    first_sizes, second_sizes = sizes[first], sizes[second]

    above: list[list[tuple[int, int]]] = [
        [] for _ in buffers
    ]  # by buffer: (buffer that lies above, distance)
    trail: list[int] = []  # buffers whose `above` grew, so that it can be undone
    best: tuple[int, ...] | None = None

    def push(offsets: list[int], start: int) -> bool:
        """Move buffers up until all inequalities hold; False when one leaves the arena."""
        pending = [start]
        while pending:
            k = pending.pop()
            for other, distance in above[k]:
                if offsets[other] < offsets[k] + distance:
                    offsets[other] = buffers[other].aligned(offsets[k] + distance)
                    if offsets[other] + buffers[other].size >= size:
                        return False
                    pending.append(other)
        return True

    start = [0] * len(buffers)
    if problem.arena_size(start) >= size:
        return ExactResult(None, True)
    stack: list[tuple[list[int], int, int, int, int]] = [(start, -1, -1, 0, 0)]
    while stack:
        offsets, below, over, distance, depth = stack.pop()
        while len(trail) > depth:
            above[trail.pop()].pop()
        if nodes <= 0:
            return ExactResult(best, False)
        nodes -= 1
        if below >= 0:
            above[below].append((over, distance))
            trail.append(below)
            offsets = offsets.copy()
            if not push(offsets, below):
                continue
        at = np.array(offsets, np.int64)
        if int((at + sizes).max(initial=0)) >= size:
            continue
        at_first, at_second = at[first], at[second]
        apart = at_first - at_second
        hit = np.flatnonzero((apart > low) & (apart < high))
        if not len(hit):
            best = tuple(offsets)
            size = problem.arena_size(offsets)
            if size <= target:
                return ExactResult(best, True)
            continue
        # How high each of the two branches pushes the arena; take the collision whose better branch is worst.
        first_up = at_second[hit] + high[hit] + first_sizes[hit]
        second_up = at_first[hit] - low[hit] + second_sizes[hit]
        worst = int(np.argmax(np.minimum(first_up, second_up)))
        c = constraints[int(hit[worst])]
        branches = [
            (int(first_up[worst]), (offsets, c.b, c.a, c.high, len(trail))),
            (int(second_up[worst]), (offsets, c.a, c.b, -c.low, len(trail))),
        ]
        if branches[0][0] <= branches[1][0]:
            branches.reverse()
        stack.extend(branch for up, branch in branches if up < size)
    return ExactResult(best, True)
