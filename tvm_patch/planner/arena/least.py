"""The size of the least arena alone, for those who ask a thousand times and want no offsets.

Most buffers of a network are small beside its fullest step: wherever the others lie, there is room for them.  They are
left out, and what remains is a few buffers around that step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from tvm_patch.planner.arena.buffers import Buffer, Overlap
from tvm_patch.planner.arena.exact import least_arena
from tvm_patch.planner.arena.first_fit import FirstFit, greedy_by_pressure, greedy_by_size
from tvm_patch.planner.arena.problem import make_problem
from tvm_patch.planner.arena.solver import plan_arena

_WORD = 4
_WORK = 200_000
"""Constraints to look at before the whole question is posed to :func:`plan_arena`."""


def least_size(
    sizes: Sequence[int], lives: Sequence[tuple[int, int]], overlaps: Sequence[tuple[int, int, int]]
) -> int:
    """Return what :func:`tvm_patch.planner.arena.solver.plan_arena` would answer, in bytes.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of each buffer, a multiple of 4; offsets are multiples of 4 too.
    lives : sequence of (int, int)
        First and last step, counted from 0, during which each is kept.
    overlaps : sequence of (int, int, int)
        Pairs that may overlap during one step: input, output, and the least difference of their offsets.
    """
    steps = 1 + max((last for _, last in lives), default=-1)
    taken, _ = _at_once(range(len(sizes)), sizes, lives, steps)
    bound = max(map(int.__sub__, taken, _saved(sizes, lives, overlaps, steps)), default=0)
    tight = _tight(sizes, lives, steps, bound)
    if not tight:
        return bound
    least = _least(tight, sizes, lives, overlaps, bound)
    return least if least is not None else plan_arena(*_posed(range(len(sizes)), sizes, lives, overlaps)).size


def _at_once(
    buffers: Iterable[int], sizes: Sequence[int], lives: Sequence[tuple[int, int]], steps: int
) -> tuple[list[int], list[int]]:
    """Return how many bytes of some buffers live during each step, and how many of the buffers."""
    taken, count = [0] * (steps + 1), [0] * (steps + 1)
    for k in buffers:
        size, (first, last) = sizes[k], lives[k]
        taken[first] += size
        taken[last + 1] -= size
        count[first] += 1
        count[last + 1] -= 1
    return list(accumulate(taken[:-1])), list(accumulate(count[:-1]))


def _saved(
    sizes: Sequence[int],
    lives: Sequence[tuple[int, int]],
    overlaps: Sequence[tuple[int, int, int]],
    steps: int,
) -> list[int]:
    """Return the most bytes that overlaps can share during each step; see :mod:`tvm_patch.planner.arena.bound`."""
    rests: dict[int, list[tuple[int, int]]] = {}
    for source, made, distance in overlaps:
        rest = max(0, sizes[made] - max(0, -(-distance // _WORD) * _WORD))
        rests.setdefault(made, []).append((min(sizes[source], rest), rest))
    saved = [0] * steps
    for made, shared in rests.items():
        saved[lives[made][0]] += min(sum(least for least, _ in shared), max(rest for _, rest in shared))
    return saved


def _tight(sizes: Sequence[int], lives: Sequence[tuple[int, int]], steps: int, arena: int) -> list[int]:
    """Return the buffers that may find no room among the others; the rest can be placed after them, wherever they lie.

    What lives beside a buffer keeps it from as many offsets as both have bytes, less a word.
    """
    tight = [k for k, size in enumerate(sizes) if size]
    while True:
        taken, count = _at_once(tight, sizes, lives, steps)
        taken_before, count_before = [0, *accumulate(taken)], [0, *accumulate(count)]
        kept = []
        for k in tight:
            size, (first, last) = sizes[k], lives[k]
            span = last - first + 1
            # What lives beside it for more than one step is counted more than once.
            others = count_before[last + 1] - count_before[first] - span
            beside = taken_before[last + 1] - taken_before[first] - span * size
            if beside + others * (size - _WORD) > arena - size:
                kept.append(k)
        if len(kept) == len(tight):
            return tight
        tight = kept


def _posed(
    some: Iterable[int],
    sizes: Sequence[int],
    lives: Sequence[tuple[int, int]],
    overlaps: Sequence[tuple[int, int, int]],
) -> tuple[list[Buffer], list[Overlap]]:
    names = {k: str(k) for k in some}
    buffers = [Buffer(name, sizes[k], *lives[k], _WORD) for k, name in names.items()]
    pairs = [Overlap(names[a], names[b], least) for a, b, least in overlaps if a in names and b in names]
    return buffers, pairs


def _least(
    tight: Sequence[int],
    sizes: Sequence[int],
    lives: Sequence[tuple[int, int]],
    overlaps: Sequence[tuple[int, int, int]],
    bound: int,
) -> int | None:
    """Return the least arena of some buffers that is not below `bound`; None where it is not found quickly."""
    problem = make_problem(*_posed(tight, sizes, lives, overlaps), align=_WORD)
    fit = FirstFit(problem)
    size = greedy_by_size(fit).size
    if size > bound:
        size = min(size, greedy_by_pressure(fit).size)
    if size <= bound:
        return bound
    found = least_arena(problem, size, bound, _WORK)
    if found.offsets is not None:
        size = problem.arena_size(found.offsets)
    return size if found.lower_bound == size else None
