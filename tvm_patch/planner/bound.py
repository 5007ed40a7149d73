"""A lower bound on the arena: what must lie in memory at once, with the best that overlaps can save."""

from __future__ import annotations

from tvm_patch.planner.blocks import Block, Problem
from tvm_patch.planner.buffers import Buffer, Overlap


def lower_bound(problem: Problem) -> int:
    """Return bytes that no arena for `problem` can go below."""
    best = 0
    for step in sorted({b.first for block in problem.blocks for b, _ in block.members}):
        best = max(best, _bytes_at(problem, step))
    return best


def _bytes_at(problem: Problem, step: int) -> int:
    live: list[tuple[Block, int]] = []
    for block in problem.blocks:
        measure = _measure([(d, d + b.size) for b, d in block.members if b.first <= step <= b.last])
        if measure:
            live.append((block, measure))
    saved = _savings(problem, step)
    bound = sum(measure for _, measure in live) - saved
    if not saved and live and all(len(block.members) == 1 for block, _ in live):
        # All are disjoint and begin at multiples of `step_bytes`: only the highest keeps an unrounded end.
        step_bytes = min(block.align for block, _ in live)
        slack = [-measure % step_bytes for _, measure in live]
        bound += sum(slack) - max(slack)
    return bound


def _measure(ranges: list[tuple[int, int]]) -> int:
    """Return the number of bytes that lie in at least one range."""
    total, end = 0, None
    for low, high in sorted(ranges):
        start = low if end is None else max(low, end)
        if high > start:
            total += high - start
        end = high if end is None else max(end, high)
    return total


def _savings(problem: Problem, step: int) -> int:
    """Return the most bytes that overlaps can share during operator `step`."""
    table: dict[str, tuple[Buffer, Block]] = {
        b.name: (b, block) for block in problem.blocks for b, _ in block.members if b.first <= step <= b.last
    }
    by_output: dict[str, list[Overlap]] = {}
    for overlap in problem.overlaps:
        if overlap.input in table and overlap.output in table:
            by_output.setdefault(overlap.output, []).append(overlap)
    saved = 0
    for output, overlaps in by_output.items():
        size = table[output][0].size
        # The input begins at least min_distance above the output, so at most the rest of the output is
        # shared; several inputs are disjoint, so together they share at most the longest such rest.
        rests = [max(0, size - max(0, _distance(o, table))) for o in overlaps]
        saved += min(
            sum(min(table[o.input][0].size, r) for o, r in zip(overlaps, rests, strict=True)), max(rests)
        )
    return saved


def _distance(overlap: Overlap, table: dict[str, tuple[Buffer, Block]]) -> int:
    """Return the least distance of an overlap, rounded up where both ends are aligned."""
    blocks = table[overlap.input][1], table[overlap.output][1]
    if any(len(block.members) > 1 for block in blocks):
        return overlap.min_distance
    step = min(block.align for block in blocks)
    return -(-overlap.min_distance // step) * step
