"""Why a plan needs the memory that it needs, and what less would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.planner.network import Network
from tvm_patch.planner.placement import Placement
from tvm_patch.planner.schedule import Schedule, overhead_of
from tvm_patch.planner.search.ways import Point
from tvm_patch.planner.segments import Segment


@dataclass(frozen=True)
class SegmentMemory:
    """The arena while one segment runs.

    Attributes
    ----------
    position : int
        In the plan, from 0.
    segment : Segment
    in_use : int
        Bytes that hold something, overlaps counted once.
    scratch_bytes : int
        Bytes of row buffers, accumulators and kernel scratch among them.
    tensors : dict of str to int
        Bytes of the stored tensors among them, by name, largest first.
    overhead : float
        Multiply-accumulates that the segment executes over those of its operators.
    """

    position: int
    segment: Segment
    in_use: int
    scratch_bytes: int
    tensors: dict[str, int]
    overhead: float


@dataclass(frozen=True)
class PlanMemory:
    """The arena of a plan.

    Attributes
    ----------
    placement : Placement
        Where everything lies.
    segments : tuple of SegmentMemory
        In run order.
    """

    placement: Placement
    segments: tuple[SegmentMemory, ...]

    @property
    def peak(self) -> SegmentMemory:
        """The first segment that fills the most."""
        return max(self.segments, key=lambda s: (s.in_use, -s.position))


def plan_memory(schedule: Schedule) -> PlanMemory:
    """Return how much of the arena every segment fills."""
    network, placement, question = schedule.network, schedule.placement, schedule.question
    found = []
    for position, (segment, executed) in enumerate(zip(schedule.segments, schedule.macs, strict=True)):
        live = [s for s in question.storages if s.first <= position <= s.last]
        spans = [(placement.tensors[s.name], placement.tensors[s.name] + s.size) for s in live]
        scratch = question.scratch.get(position, 0)
        if scratch:
            spans.append((placement.scratch[position], placement.scratch[position] + scratch))
        sizes = dict(sorted(((s.name, s.size) for s in live), key=lambda item: -item[1]))
        macs = sum(network.operators[i].macs for i in segment.operators)
        overhead = overhead_of(executed, macs)
        found.append(SegmentMemory(position, segment, covered(spans), scratch, sizes, overhead))
    return PlanMemory(placement, tuple(found))


def covered(spans: Sequence[tuple[int, int]]) -> int:
    """Return the number of bytes that intervals cover together."""
    total, end = 0, 0
    for start, stop in sorted(spans):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def operators_text(operators: Sequence[int]) -> str:
    """Return the operators of a segment as ranges: ``0-5`` or ``8-9, 16-18``."""
    ranges: list[list[int]] = []
    for index in operators:
        if ranges and index == ranges[-1][1] + 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    return ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in ranges)


def peak_text(network: Network, memory: PlanMemory) -> str:
    """Return in one sentence what sets the arena."""
    peak = memory.peak
    pieces = f" in {peak.segment.pieces}" if peak.segment.pieces else ""
    several = len(peak.segment.operators) > 1
    kinds = f"operator{'s' if several else ''} {operators_text(peak.segment.operators)}{pieces}"
    parts = [f"{peak.scratch_bytes:,} B of row buffers"] if peak.scratch_bytes else []
    for name, size in list(peak.tensors.items())[:3]:
        shape = "×".join(map(str, network.tensors[name].shape))
        parts.append(f"{size:,} B of tensor {name} ({shape})")
    rest = list(peak.tensors.values())[3:]
    if rest:
        parts.append(f"{sum(rest):,} B of {len(rest)} more")
    return f"segment {peak.position} ({kinds}) sets it: {', '.join(parts)}"


def next_saving(front: Sequence[Point], arena_bytes: int) -> Point | None:
    """Return the plan of a front with the largest arena below `arena_bytes`: the cheapest next saving."""
    smaller = [p for p in front if p.arena_bytes < arena_bytes]
    return max(smaller, key=lambda p: (p.arena_bytes, -p.cycles), default=None)


def saving_text(network: Network, chosen: Point, front: Sequence[Point], scheme: str = "auto") -> str:
    """Return in one sentence what the next saving of memory would cost, of the plans that were looked at."""
    less = next_saving(front, chosen.arena_bytes)
    if less is None and scheme != "auto":
        return f"scheme {scheme} was asked for: others were not looked at, and may need less"
    if less is None:
        return "no plan found needs less"
    saved = chosen.arena_bytes - less.arena_bytes
    overhead = less.macs / network.macs if network.macs else 1.0
    time = less.cycles / chosen.cycles - 1 if chosen.cycles else 0.0
    return (
        f"the next saving, {saved:,} B ({saved / chosen.arena_bytes:.1%}), "
        f"costs an overhead of {overhead:.3f} and {time:+.1%} cycles"
    )
