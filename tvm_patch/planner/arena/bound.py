"""A lower bound on the arena: what must lie in memory at once, with the best that overlaps can save."""

from __future__ import annotations

from tvm_patch.planner.arena.buffers import Buffer, Overlap
from tvm_patch.planner.arena.problem import Problem


def lower_bound(problem: Problem) -> int:
    """Return bytes that no arena for `problem` can go below."""
    return max((_bytes_at(problem, step) for step in sorted({b.first for b in problem.buffers})), default=0)


def _bytes_at(problem: Problem, step: int) -> int:
    live = {b.name: b for b in problem.buffers if b.first <= step <= b.last}
    return sum(b.size for b in live.values()) - _savings(problem, live)


def _savings(problem: Problem, live: dict[str, Buffer]) -> int:
    """Return the most bytes that overlaps can share while some buffers live."""
    by_output: dict[str, list[Overlap]] = {}
    for overlap in problem.overlaps:
        if overlap.input in live and overlap.output in live:
            by_output.setdefault(overlap.output, []).append(overlap)
    saved = 0
    for output, overlaps in by_output.items():
        size = live[output].size
        # The input begins at least min_distance above the output, so at most the rest of the output is
        # shared; several inputs are disjoint, so together they share at most the longest such rest.
        rests = [max(0, size - max(0, _distance(o, live))) for o in overlaps]
        saved += min(
            sum(min(live[o.input].size, r) for o, r in zip(overlaps, rests, strict=True)), max(rests)
        )
    return saved


def _distance(overlap: Overlap, live: dict[str, Buffer]) -> int:
    """Return the least distance of an overlap, rounded up to where both ends are aligned."""
    align = min(live[overlap.input].align, live[overlap.output].align)
    return -(-overlap.min_distance // align) * align
