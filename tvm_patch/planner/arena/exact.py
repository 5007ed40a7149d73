"""Exact placement: the least arena, and the proof that there is none smaller.

To find out whether some size will do, begin with every buffer as low as the others let it.  While two buffers collide,
one has to move above the other: try both, first the way that leaves more room, and let :class:`Ranges` draw the
conclusions.  Both ways together lose no placement, so a search that ends without one is a proof that there is none.

Which collision is looked at first decides whether it takes a hundred steps or a million.  It is the one whose better
way leaves least room, for its weight: what led to contradictions before is looked at early (Boussemart et al., Boosting
systematic search by weighting constraints, ECAI 2004).  A try that gets stuck is given up and another one begins, with
the weights learnt and a little chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import gcd

from tvm_patch.planner.arena.problem import Problem
from tvm_patch.planner.arena.ranges import Ranges

_FIRST_TRY = 50
"""Contradictions after which the first try is given up."""
_LONGER = 1.2
"""How many times more the next one gets."""
_AGAINST = 0.05
"""Part of the decisions of a later try for the way that leaves less room."""


@dataclass(frozen=True)
class ExactResult:
    """What the search found.

    Attributes
    ----------
    offsets : tuple of int or None
        Offsets of the buffers, when they beat the size to beat.
    lower_bound : int
        Bytes that no arena can go below.
    """

    offsets: tuple[int, ...] | None
    lower_bound: int


def least_arena(problem: Problem, size: int, lower_bound: int, work: int, seed: int = 0) -> ExactResult:
    """Search for the least arena.

    Parameters
    ----------
    problem : Problem
    size : int
        Bytes to beat: an arena that is known.
    lower_bound : int
        Bytes that are known to be needed.
    work : int
        Constraints to look at, about 5 million a second, before giving up; a question of one size gets a quarter.
    seed : int
        Of the tries after the first.

    Returns
    -------
    ExactResult
        `lower_bound` is the size of the arena when it is proved to be the least.
    """
    # Sizes of arenas are multiples of this, since offsets and sizes of buffers are.
    step = gcd(*(n for b in problem.buffers for n in (b.size, b.align)))
    ranges = Ranges(problem)
    bound = _smallest(ranges.begin, -(-lower_bound // step), size // step, step)
    offsets = None
    low = asked = bound
    while low < size and ranges.work < work:
        fits = _fits(ranges, asked, ranges.work + work // 4, seed)
        if fits:
            offsets = tuple(ranges.low)
            size = problem.arena_size(offsets)
        else:
            low = asked + step
            if fits is False:
                bound = low
        asked = (low + size - step) // 2 // step * step
    return ExactResult(offsets, bound)


def _smallest(possible: Callable[[int], bool], low: int, high: int, step: int) -> int:
    """Return the least of low·step … high·step that is possible, where all above a possible one are."""
    while low < high:
        middle = (low + high) // 2
        if possible(middle * step):
            high = middle
        else:
            low = middle + 1
    return low * step


def _fits(ranges: Ranges, size: int, stop: int, seed: int) -> bool | None:
    """Tell whether everything fits `size` bytes; None when the work reaches `stop` before that is known."""
    chance = random.Random(seed)
    contradictions = float(_FIRST_TRY)
    fits = _try(ranges, size, stop, int(contradictions), None)
    while fits is None and ranges.work < stop:
        contradictions *= _LONGER
        fits = _try(ranges, size, stop, int(contradictions), chance)
    return fits


def _try(
    ranges: Ranges, size: int, stop: int, contradictions: int, chance: random.Random | None
) -> bool | None:
    if not ranges.begin(size):
        return False
    untried: list[tuple[int, int, int]] = []
    while ranges.work < stop:
        choice = _choose(ranges, chance)
        if choice is None:
            return True
        constraint, way = choice
        untried.append((ranges.mark, constraint, 3 - way))
        possible = ranges.take(constraint, way)
        while not possible:
            if not untried:
                return False
            if not contradictions:
                return None
            contradictions -= 1
            mark, constraint, way = untried.pop()
            ranges.back_to(mark)
            possible = ranges.take(constraint, way)
    return None


def _choose(ranges: Ranges, chance: random.Random | None) -> tuple[int, int] | None:
    """Return a collision and the way to try first; None when nothing collides."""
    best: tuple[float, int, int] | None = None
    for constraint, first, second in ranges.collisions():
        room = (max(first, second) + 1) / ranges.weights[constraint]
        if chance is not None:
            room *= 1 + chance.random()
        if best is None or room < best[0]:
            best = (room, constraint, 1 if first >= second else 2)
    if best is None:
        return None
    _, constraint, way = best
    if chance is not None and chance.random() < _AGAINST:
        way = 3 - way
    return constraint, way
