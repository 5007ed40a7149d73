"""Turn buffers and the relations between them into rigid blocks with forbidden distances.

Aliases and insides tie buffers together: such a group moves as one block.  For two blocks A and B everything
that planning needs is a set of open intervals that ``offset(A) - offset(B)`` must stay out of.  Ordinary
buffers that live at the same time forbid ``(-size(A), size(B))``; an overlap only shortens that interval.
All placement algorithms work on this form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm_patch.planner.buffers import Alias, Buffer, Inside, Overlap


@dataclass(frozen=True)
class Block:
    """Buffers at fixed distances from each other.

    Attributes
    ----------
    members : tuple of (Buffer, int)
        Each buffer and its distance in bytes from the start of the block; the least distance is 0.
    size : int
        Bytes from the start of the block to the end of its last member.
    align, residue : int
        The block's offset modulo `align` is `residue`.
    """

    members: tuple[tuple[Buffer, int], ...]
    size: int
    align: int
    residue: int

    @property
    def first(self) -> int:
        """First operator during which any member lives."""
        return min(b.first for b, _ in self.members)

    def align_up(self, offset: int) -> int:
        """Return the least allowed offset that is not below `offset`."""
        return offset + (self.residue - offset) % self.align


@dataclass(frozen=True)
class Constraint:
    """``offset(a) - offset(b)`` is at most `low` or at least `high`; `a` and `b` index blocks."""

    a: int
    b: int
    low: int
    high: int


@dataclass(frozen=True)
class Problem:
    """Blocks to be placed, the distances forbidden between them, and the overlaps they came from."""

    blocks: tuple[Block, ...]
    constraints: tuple[Constraint, ...]
    overlaps: tuple[Overlap, ...]

    def offsets_by_name(self, offsets: Sequence[int]) -> dict[str, int]:
        """Return the offset of every buffer from the offsets of the blocks."""
        return {
            buffer.name: offset + distance
            for block, offset in zip(self.blocks, offsets, strict=True)
            for buffer, distance in block.members
        }

    def arena_size(self, offsets: Sequence[int]) -> int:
        """Return the end of the highest block."""
        return max((o + b.size for o, b in zip(offsets, self.blocks, strict=True)), default=0)


def make_problem(
    buffers: Sequence[Buffer],
    overlaps: Sequence[Overlap] = (),
    aliases: Sequence[Alias] = (),
    insides: Sequence[Inside] = (),
    align: int = 1,
) -> Problem:
    """Check the relations and build the :class:`Problem`.

    Parameters
    ----------
    buffers, overlaps, aliases, insides
        See :mod:`tvm_patch.planner.buffers`.
    align : int
        Least alignment, in bytes, of every buffer that is not inside another.

    Raises
    ------
    ValueError
        When a relation names an unknown buffer or contradicts another.
    """
    table = {b.name: b for b in buffers}
    if len(table) != len(buffers):
        raise ValueError("buffer names are not unique")
    _check_relations(table, overlaps, aliases, insides)
    blocks = _make_blocks(table, aliases, insides, align)
    return Problem(blocks, _make_constraints(blocks, overlaps), tuple(overlaps))


def _check_relations(
    table: dict[str, Buffer], overlaps: Sequence[Overlap], aliases: Sequence[Alias], insides: Sequence[Inside]
) -> None:
    named = [
        *(n for o in overlaps for n in (o.input, o.output)),
        *(n for a in aliases for n in (a.first, a.second)),
        *(n for i in insides for n in (i.buffer, i.parent)),
    ]
    for name in named:
        if name not in table:
            raise ValueError(f"unknown buffer {name!r} in a relation")
    for o in overlaps:
        if table[o.input].last != table[o.output].first:
            raise ValueError(
                f"{o.output!r} (first use {table[o.output].first}) may not be written over {o.input!r} "
                f"(last use {table[o.input].last}): the input has to die where the output is made"
            )
    for a in aliases:
        # With a gap between the two lives something else could be put there and the content would be lost.
        if not table[a.first].meets(table[a.second]):
            raise ValueError(f"aliases {a.first!r} and {a.second!r} are never alive together")
    for i in insides:
        if i.offset < 0 or i.offset + table[i.buffer].size > table[i.parent].size:
            raise ValueError(f"{i.buffer!r} at {i.offset} does not lie inside {i.parent!r}")
        if not table[i.buffer].meets(table[i.parent]):
            raise ValueError(f"{i.buffer!r} and {i.parent!r} around it are never alive together")


def _make_blocks(
    table: dict[str, Buffer], aliases: Sequence[Alias], insides: Sequence[Inside], align: int
) -> tuple[Block, ...]:
    ties: dict[str, list[tuple[str, int]]] = {name: [] for name in table}
    for a in aliases:
        ties[a.first].append((a.second, 0))
        ties[a.second].append((a.first, 0))
    for i in insides:
        ties[i.parent].append((i.buffer, i.offset))
        ties[i.buffer].append((i.parent, -i.offset))
    children = {i.buffer for i in insides}
    blocks = []
    placed: dict[str, int] = {}
    for name in table:
        if name in placed:
            continue
        placed[name] = 0
        group, pending = [name], [name]
        while pending:
            at = pending.pop()
            for other, distance in ties[at]:
                if other not in placed:
                    placed[other] = placed[at] + distance
                    group.append(other)
                    pending.append(other)
                elif placed[other] != placed[at] + distance:
                    raise ValueError(f"the aliases and insides of {at!r} and {other!r} contradict each other")
        base = min(placed[n] for n in group)
        members = tuple((table[n], placed[n] - base) for n in group)
        alignments = [
            (b.align if b.name in children else max(b.align, align), distance) for b, distance in members
        ]
        step = max(a for a, _ in alignments)
        residue = next(
            (r for r in range(step) if all((r + distance) % a == 0 for a, distance in alignments)), None
        )
        if residue is None:
            raise ValueError(f"the alignments of {name!r} and its aliases cannot hold together")
        blocks.append(Block(members, max(b.size + d for b, d in members), step, residue))
    return tuple(blocks)


def _make_constraints(blocks: tuple[Block, ...], overlaps: Sequence[Overlap]) -> tuple[Constraint, ...]:
    allowed: dict[tuple[str, str], int] = {}
    for o in overlaps:
        key = (o.input, o.output)
        allowed[key] = min(o.min_distance, allowed.get(key, o.min_distance))

    intervals: dict[tuple[int, int], list[tuple[int, int]]] = {}
    members = sorted(
        ((b, d, k) for k, block in enumerate(blocks) for b, d in block.members if b.size > 0),
        key=lambda m: (m[0].first, m[2]),
    )
    alive: list[tuple[Buffer, int, int]] = []
    for buffer, distance, k in members:
        alive = [m for m in alive if m[0].last >= buffer.first]
        for other, other_distance, j in alive:
            if j == k:
                continue
            low, high = -buffer.size, other.size
            if (buffer.name, other.name) in allowed:
                high = min(high, allowed[buffer.name, other.name])
            if (other.name, buffer.name) in allowed:
                low = max(low, -allowed[other.name, buffer.name])
            shift = other_distance - distance
            low, high = low + shift, high + shift
            if j < k:
                intervals.setdefault((j, k), []).append((-high, -low))
            else:
                intervals.setdefault((k, j), []).append((low, high))
        alive.append((buffer, distance, k))
    return tuple(
        Constraint(a, b, low, high)
        for (a, b), found in sorted(intervals.items())
        for low, high in _merge(found)
    )


def _merge(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join open intervals that share a point; drop those without an integer."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(intervals):
        if high - low <= 1:
            continue
        if merged and low < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
