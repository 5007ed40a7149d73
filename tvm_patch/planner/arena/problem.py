"""Turn buffers and permitted overlaps into distances that are forbidden between buffers.

For two buffers A and B everything that planning needs is a set of open intervals that ``offset(A) - offset(B)`` must
stay out of.  Buffers that live at the same time forbid ``(-size(A), size(B))``; an overlap only shortens that interval.
All algorithms work on this form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tvm_patch.planner.arena.buffers import Buffer, Overlap


@dataclass(frozen=True)
class Constraint:
    """``offset(a) - offset(b)`` is at most `low` or at least `high`; `a` and `b` index buffers."""

    a: int
    b: int
    low: int
    high: int


@dataclass(frozen=True)
class Problem:
    """Buffers to be placed, the distances forbidden between them, and the overlaps they came from.

    Sizes are whole multiples of the least alignment: what is left of the last one, nothing else could use.
    """

    buffers: tuple[Buffer, ...]
    constraints: tuple[Constraint, ...]
    overlaps: tuple[Overlap, ...]

    def arena_size(self, offsets: Sequence[int]) -> int:
        """Return the end of the highest buffer."""
        return max((o + b.size for o, b in zip(offsets, self.buffers, strict=True)), default=0)


def make_problem(buffers: Sequence[Buffer], overlaps: Sequence[Overlap] = (), align: int = 1) -> Problem:
    """Check the overlaps and build the :class:`Problem`.

    Parameters
    ----------
    buffers, overlaps
        See :mod:`tvm_patch.planner.arena.buffers`.
    align : int
        Least alignment of all buffers, in bytes.

    Raises
    ------
    ValueError
        When names are not unique, or an overlap names an unknown buffer or one that does not die where the output is
        made.
    """
    table = {b.name: b for b in buffers}
    if len(table) != len(buffers):
        raise ValueError("buffer names are not unique")
    for o in overlaps:
        for name in (o.input, o.output):
            if name not in table:
                raise ValueError(f"unknown buffer {name!r} in a relation")
        if table[o.input].last != table[o.output].first:
            raise ValueError(
                f"{o.output!r} (first use {table[o.output].first}) may not be written over {o.input!r} "
                f"(last use {table[o.input].last}): the input has to die where the output is made"
            )
    placed = tuple(replace(b, align=max(b.align, align), size=-(-b.size // align) * align) for b in buffers)
    return Problem(placed, _constraints(placed, overlaps), tuple(overlaps))


def least_distances(overlaps: Sequence[Overlap]) -> dict[tuple[str, str], int]:
    """Return, by input and output, the least distance that any of some overlaps permits."""
    least: dict[tuple[str, str], int] = {}
    for o in overlaps:
        key = (o.input, o.output)
        least[key] = min(o.min_distance, least.get(key, o.min_distance))
    return least


def _constraints(buffers: tuple[Buffer, ...], overlaps: Sequence[Overlap]) -> tuple[Constraint, ...]:
    allowed = least_distances(overlaps)
    found: list[Constraint] = []
    alive: list[int] = []
    for k in sorted((k for k, b in enumerate(buffers) if b.size > 0), key=lambda k: (buffers[k].first, k)):
        alive = [j for j in alive if buffers[j].last >= buffers[k].first]
        for j in alive:
            first, second = (buffers[i] for i in sorted((j, k)))
            low = -min(first.size, allowed.get((second.name, first.name), first.size))
            high = min(second.size, allowed.get((first.name, second.name), second.size))
            if high - low > 1:
                found.append(Constraint(min(j, k), max(j, k), low, high))
        alive.append(k)
    return tuple(sorted(found, key=lambda c: (c.a, c.b)))
