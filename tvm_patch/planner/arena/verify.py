"""Check a plan against what it was made for, from the definitions and not from the planner's own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.errors import InternalError
from tvm_patch.planner.arena.buffers import ArenaPlan, Buffer, Overlap


def verify_plan(
    plan: ArenaPlan,
    buffers: Sequence[Buffer],
    overlaps: Sequence[Overlap] = (),
    *,
    align: int = 1,
) -> None:
    """Raise unless every buffer keeps its content for as long as it must.

    Parameters
    ----------
    plan : ArenaPlan
    buffers, overlaps, align
        As given to :func:`tvm_patch.planner.arena.solver.plan_arena`.

    Raises
    ------
    InternalError
        When two live buffers collide, one lies outside the arena or is not aligned.
    """
    offsets = plan.offsets
    for b in buffers:
        offset = offsets.get(b.name)
        if offset is None:
            raise InternalError(f"the plan does not place buffer {b.name!r}")
        if offset < 0 or offset + b.size > plan.size:
            raise InternalError(f"buffer {b.name!r} at {offset} leaves the arena of {plan.size} bytes")
        step = max(b.align, align)
        if offset % step:
            raise InternalError(f"buffer {b.name!r} at {offset} is not aligned to {step} bytes")
    distances: dict[tuple[str, str], int] = {}
    for o in overlaps:
        key = (o.input, o.output)
        distances[key] = min(o.min_distance, distances.get(key, o.min_distance))
    by_start = sorted(buffers, key=lambda b: b.first)
    alive: list[Buffer] = []
    for b in by_start:
        alive = [other for other in alive if other.last >= b.first]
        for other in alive:
            if not _collide(b, other, offsets):
                continue
            if not (_permitted(b, other, offsets, distances) or _permitted(other, b, offsets, distances)):
                raise InternalError(
                    f"buffers {b.name!r} at {offsets[b.name]} (+{b.size}) and {other.name!r} at "
                    f"{offsets[other.name]} (+{other.size}) collide during operator {b.first}"
                )
        alive.append(b)


def _collide(a: Buffer, b: Buffer, offsets: Mapping[str, int]) -> bool:
    low = max(offsets[a.name], offsets[b.name])
    return low < min(offsets[a.name] + a.size, offsets[b.name] + b.size)


def _permitted(
    source: Buffer, made: Buffer, offsets: Mapping[str, int], distances: Mapping[tuple[str, str], int]
) -> bool:
    distance = distances.get((source.name, made.name))
    if distance is None or source.last != made.first:
        return False
    return offsets[source.name] - offsets[made.name] >= distance
