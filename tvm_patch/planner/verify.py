"""Check a plan against what it was made for, from the definitions and not from the planner's own tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.errors import InternalError
from tvm_patch.planner.buffers import Alias, ArenaPlan, Buffer, Inside, Overlap


def verify_plan(
    plan: ArenaPlan,
    buffers: Sequence[Buffer],
    overlaps: Sequence[Overlap] = (),
    aliases: Sequence[Alias] = (),
    insides: Sequence[Inside] = (),
    *,
    align: int = 1,
) -> None:
    """Raise unless every buffer keeps its content for as long as it must.

    Parameters
    ----------
    plan : ArenaPlan
    buffers, overlaps, aliases, insides, align
        As given to :func:`tvm_patch.planner.arena.plan_arena`.

    Raises
    ------
    InternalError
        When two live buffers collide, one lies outside the arena or is not aligned.
    """
    offsets = plan.offsets
    children = {i.buffer for i in insides}
    for b in buffers:
        offset = offsets.get(b.name)
        if offset is None:
            raise InternalError(f"the plan does not place buffer {b.name!r}")
        if offset < 0 or offset + b.size > plan.size:
            raise InternalError(f"buffer {b.name!r} at {offset} leaves the arena of {plan.size} bytes")
        step = b.align if b.name in children else max(b.align, align)
        if offset % step:
            raise InternalError(f"buffer {b.name!r} at {offset} is not aligned to {step} bytes")
    for a in aliases:
        if offsets[a.first] != offsets[a.second]:
            raise InternalError(f"aliases {a.first!r} and {a.second!r} lie apart")
    for i in insides:
        if offsets[i.buffer] != offsets[i.parent] + i.offset:
            raise InternalError(f"{i.buffer!r} does not lie at {i.offset} in {i.parent!r}")

    storage = _Storage(aliases, insides)
    distances: dict[tuple[str, str], int] = {}
    for o in overlaps:
        key = (o.input, o.output)
        distances[key] = min(o.min_distance, distances.get(key, o.min_distance))
    by_start = sorted(buffers, key=lambda b: b.first)
    alive: list[Buffer] = []
    for b in by_start:
        alive = [other for other in alive if other.last >= b.first]
        for other in alive:
            if not _collide(b, other, offsets) or storage.shared(b.name, other.name):
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


class _Storage:
    """Which buffers share content: aliases, and what lies inside one another."""

    def __init__(self, aliases: Sequence[Alias], insides: Sequence[Inside]) -> None:
        self._leader: dict[str, str] = {}
        for a in aliases:
            self._leader[self._find(a.second)] = self._find(a.first)
        self._parents: dict[str, set[str]] = {}
        for i in insides:
            self._parents.setdefault(self._find(i.buffer), set()).add(self._find(i.parent))

    def _find(self, name: str) -> str:
        while self._leader.get(name, name) != name:
            name = self._leader[name]
        return name

    def _around(self, name: str) -> set[str]:
        found, pending = set(), [name]
        while pending:
            at = pending.pop()
            if at not in found:
                found.add(at)
                pending.extend(self._parents.get(at, ()))
        return found

    def shared(self, a: str, b: str) -> bool:
        """Tell whether a collision of `a` and `b` loses nothing."""
        a, b = self._find(a), self._find(b)
        return a in self._around(b) or b in self._around(a)
