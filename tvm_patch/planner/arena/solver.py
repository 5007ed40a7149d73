"""Static memory planning: an offset for every buffer so that the arena is as small as can be found."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.planner.arena.bound import lower_bound
from tvm_patch.planner.arena.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.arena.exact import least_arena
from tvm_patch.planner.arena.first_fit import (
    FirstFit,
    greedy_by_conflicts,
    greedy_by_pressure,
    greedy_by_size,
)
from tvm_patch.planner.arena.problem import Problem, make_problem
from tvm_patch.planner.arena.verify import verify_plan

_WORK = 2_000_000
"""Constraints that the exact search looks at before it gives up; about 0.5 s.  Most networks take a hundredth."""

_WORK_PER_PAIR = 4
"""The same for large networks, by pair of constraints: to place all without a wrong decision takes a quarter of it."""

_GREEDY = {
    "greedy_by_size": greedy_by_size,
    "greedy_by_conflicts": greedy_by_conflicts,
    "greedy_by_pressure": greedy_by_pressure,
}


def plan_arena(
    buffers: Sequence[Buffer],
    overlaps: Sequence[Overlap] = (),
    *,
    align: int = 4,
    seed: int = 0,
) -> ArenaPlan:
    """Place buffers in one arena.

    Greedy orders come first, then an exact search with a limit; the first that meets the lower bound ends it.  The
    answer depends on the arguments only, never on the clock.

    Parameters
    ----------
    buffers : sequence of Buffer
    overlaps : sequence of Overlap
        Outputs that may be written over a dying input.
    align : int
        Least alignment of all buffers, in bytes.
    seed : int
        Of the exact search.

    Returns
    -------
    ArenaPlan
        Verified: see :func:`tvm_patch.planner.arena.verify.verify_plan`.

    Raises
    ------
    ValueError
        When relations are inconsistent (an overlap with an input that does not die, say).
    """
    problem = make_problem(buffers, overlaps, align)
    plan = _solve(problem, seed)
    verify_plan(plan, buffers, overlaps, align=align)
    return plan


def _solve(problem: Problem, seed: int) -> ArenaPlan:
    bound = lower_bound(problem)
    fit = FirstFit(problem)
    packings = [(name, greedy(fit)) for name, greedy in _GREEDY.items()]
    method, best = min(packings, key=lambda p: p[1].size)

    offsets, size = best.offsets, best.size
    if size > bound:
        work = max(_WORK, _WORK_PER_PAIR * len(problem.constraints) ** 2)
        exact = least_arena(problem, size, bound, work, seed)
        bound = exact.lower_bound
        if exact.offsets is not None:
            method, offsets = "branch_and_bound", exact.offsets
            size = problem.arena_size(offsets)
    names = (b.name for b in problem.buffers)
    return ArenaPlan(dict(zip(names, offsets, strict=True)), size, method, bound)
