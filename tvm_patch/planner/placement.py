"""Where the tensors and the scratch of a network cut into segments lie in the arena."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tvm_patch.planner.arena.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.arena.solver import plan_arena
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.network import Network

_WORD = 4
_WIDE = {"int64": 8}


@dataclass(frozen=True)
class Storage:
    """Tensors that share one piece of memory because one is a byte-for-byte view of the other.

    Attributes
    ----------
    tensors : tuple of str
        In order of creation; the first names the storage.
    size : int
        Bytes.
    first, last : int
        Segments during which it must keep its contents; -1 for graph inputs, the number of segments for outputs.
    align : int
        The offset is a multiple of this, in bytes.
    """

    tensors: tuple[str, ...]
    size: int
    first: int
    last: int
    align: int = _WORD

    @property
    def name(self) -> str:
        """Name of the storage."""
        return self.tensors[0]


class Footprint(Protocol):
    """What a segment asks of the arena; a :class:`tvm_patch.planner.layout.base.Layout` says more of it."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Tensors read from the arena, each once."""

    @property
    def stored(self) -> tuple[str, ...]:
        """Tensors written whole to the arena."""

    @property
    def scratch_bytes(self) -> int:
        """Bytes that it needs beside those tensors."""

    @property
    def input_distance(self) -> Mapping[str, int | None]:
        """Per source: the least (input offset - output offset) at which the only output may overlap it."""

    @property
    def is_copy(self) -> bool:
        """Whether the output is the input, byte for byte."""

    @property
    def takes_over(self) -> bool:
        """Whether the output may lie exactly where an input lies that dies here, and nowhere else over it."""


@dataclass(frozen=True)
class MemoryQuestion:
    """What the arena planner is asked.

    Attributes
    ----------
    storages : tuple of Storage
        Buffers of activations.
    scratch : dict of int to int
        Bytes of scratch by segment (0 is left out).
    overlaps : tuple of (input storage, output storage, distance)
        Pairs that may overlap during one segment: input offset - output offset >= distance.
    """

    storages: tuple[Storage, ...]
    scratch: dict[int, int]
    overlaps: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Placement:
    """Where everything lies in the arena.

    Attributes
    ----------
    arena_bytes : int
        Size of the arena.
    tensors : mapping of str to int
        Byte offset of each stored tensor.
    scratch : mapping of int to int
        Byte offset of each segment's scratch.
    plan : ArenaPlan
        The planner's answer, with the method that found it and the lower bound.
    """

    arena_bytes: int
    tensors: Mapping[str, int]
    scratch: Mapping[int, int]
    plan: ArenaPlan


def _last_uses(network: Network, layouts: Sequence[Footprint], stored: Sequence[str]) -> dict[str, int]:
    """Return the segment after which each stored tensor is no longer needed."""
    last = dict.fromkeys(stored, -1)
    for index, layout in enumerate(layouts):
        for name in (*layout.sources, *layout.stored):
            last[name] = index
    for name in network.outputs:
        last[name] = len(layouts)
    return last


def memory_question(
    network: Network, layouts: Sequence[Footprint], fetched: Collection[str] = ()
) -> MemoryQuestion:
    """Collect lifetimes, views and permitted overlaps: the question to the arena planner.

    Parameters
    ----------
    network : Network
        For sizes, inputs and outputs.
    layouts : sequence of Footprint
        Of all segments, in run order.
    fetched : collection of str
        Network inputs that are not in the arena.
    """
    stored = [name for name in network.inputs if name not in fetched]
    last = _last_uses(network, layouts, stored)
    born = dict.fromkeys(stored, -1)
    owner = {name: name for name in stored}
    members = {name: [name] for name in stored}
    for index, layout in enumerate(layouts):
        for name in layout.stored:
            born[name] = index
            source = layout.sources[0] if layout.is_copy else None
            if layout.takes_over and max(last[n] for n in members[owner[layout.sources[0]]]) == index:
                source = layout.sources[0]
            # A graph input that is also a graph output must be two tensors for the caller.
            if source is not None and not (name in network.outputs and owner[source] in network.inputs):
                owner[name] = owner[source]
                members[owner[source]].append(name)
            else:
                owner[name] = name
                members[name] = [name]

    storages = {
        root: Storage(
            tuple(names),
            max(network.tensors[n].nbytes for n in names),
            min(born[n] for n in names),
            max(max(last[n], born[n]) for n in names),
            max(_WIDE.get(network.tensors[n].dtype, _WORD) for n in names),
        )
        for root, names in members.items()
    }
    overlaps: dict[tuple[str, str], int] = {}
    for index, layout in enumerate(layouts):
        if len(layout.stored) != 1:
            continue
        target = owner[layout.stored[0]]
        sources = [owner[n] for n in layout.sources]
        for name, source in zip(layout.sources, sources, strict=True):
            distance = layout.input_distance[name]
            dies = storages[source].last == index
            # Two views of one storage ask for different distances only in theory; then neither is used.
            if distance is not None and dies and source != target and sources.count(source) == 1:
                overlaps[source, target] = distance
    scratch = {i: x.scratch_bytes for i, x in enumerate(layouts) if x.scratch_bytes}
    pairs = tuple((source, target, d) for (source, target), d in overlaps.items())
    return MemoryQuestion(tuple(storages.values()), scratch, pairs)


def place(question: MemoryQuestion) -> Placement:
    """Give every stored tensor and scratch buffer an offset in one arena."""
    buffers = [Buffer(s.name, s.size, s.first, s.last, s.align) for s in question.storages]
    buffers += [Buffer(_scratch_name(i), size, i, i, _WORD) for i, size in question.scratch.items()]
    overlaps = [Overlap(source, target, distance) for source, target, distance in question.overlaps]
    plan = plan_arena(buffers, overlaps, align=_WORD)
    tensors = {name: plan.offsets[s.name] for s in question.storages for name in s.tensors}
    scratch = {index: plan.offsets[_scratch_name(index)] for index in question.scratch}
    return Placement(aligned(plan.size), tensors, scratch, plan)


def _scratch_name(index: int) -> str:
    return f"scratch of step {index}"
