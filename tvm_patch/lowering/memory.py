"""From a lowered program to the planner's question: which buffers live when, and which may overlap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tvm_patch.lowering.program import Program
from tvm_patch.planner.arena import plan_arena
from tvm_patch.planner.buffers import ArenaPlan, Buffer, Overlap

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
        Steps during which it must keep its contents; -1 for graph inputs, ``len(steps)`` for outputs.
    """

    tensors: tuple[str, ...]
    size: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """Name of the storage."""
        return self.tensors[0]


@dataclass(frozen=True)
class MemoryQuestion:
    """What the arena planner is asked.

    Attributes
    ----------
    storages : tuple of Storage
        Buffers of activations.
    scratch : dict of int to int
        Bytes of scratch by step index (0 is left out).
    overlaps : tuple of (input storage, output storage, distance)
        Pairs that may overlap at one step: input offset - output offset >= distance.
    """

    storages: tuple[Storage, ...]
    scratch: dict[int, int]
    overlaps: tuple[tuple[str, str, int], ...]


def _last_uses(program: Program) -> dict[str, int]:
    """Return the step after which each stored tensor is no longer needed."""
    last = {name: -1 for name in program.inputs if name not in program.fetched}
    for step in program.steps:
        for name in (*step.inputs, *step.outputs):
            last[name] = step.index
    for name in program.outputs:
        last[name] = len(program.steps)
    return last


def memory_question(program: Program) -> MemoryQuestion:
    """Collect lifetimes, views and permitted overlaps of a program."""
    last = _last_uses(program)
    stored = [name for name in program.inputs if name not in program.fetched]
    born = dict.fromkeys(stored, -1)
    owner = {name: name for name in stored}
    members = {name: [name] for name in stored}
    for step in program.steps:
        for name in step.outputs:
            born[name] = step.index
            source = step.inputs[0] if step.is_copy else None
            # A graph input that is also a graph output must be two tensors for the caller.
            if source is not None and not (name in program.outputs and owner[source] in program.inputs):
                owner[name] = owner[source]
                members[owner[source]].append(name)
            else:
                owner[name] = name
                members[name] = [name]

    storages = {
        root: Storage(
            tuple(names),
            max(program.tensors[n].nbytes for n in names),
            min(born[n] for n in names),
            max(max(last[n], born[n]) for n in names),
        )
        for root, names in members.items()
    }
    overlaps: dict[tuple[str, str], int] = {}
    for step in program.steps:
        if len(step.outputs) != 1:
            continue
        target = owner[step.outputs[0]]
        sources = [owner[n] for n in step.inputs]
        for name, source in zip(step.inputs, sources, strict=True):
            distance = step.input_distance[name]
            dies = storages[source].last == step.index
            # Two views of one storage ask for different distances only in theory; then neither is used.
            if distance is not None and dies and source != target and sources.count(source) == 1:
                overlaps[source, target] = distance
    scratch = {s.index: s.scratch_bytes for s in program.steps if s.scratch_bytes}
    pairs = tuple((source, target, d) for (source, target), d in overlaps.items())
    return MemoryQuestion(tuple(storages.values()), scratch, pairs)


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
        Byte offset of each step's scratch.
    plan : ArenaPlan
        The planner's answer, with the method that found it and the lower bound.
    """

    arena_bytes: int
    tensors: Mapping[str, int]
    scratch: Mapping[int, int]
    plan: ArenaPlan


def _scratch_name(index: int) -> str:
    return f"scratch of step {index}"


def place(program: Program) -> Placement:
    """Give every stored tensor and scratch buffer of a program an offset in one arena."""
    question = memory_question(program)
    buffers = []
    for storage in question.storages:
        align = max(_WIDE.get(program.tensors[t].dtype, _WORD) for t in storage.tensors)
        buffers.append(Buffer(storage.name, storage.size, storage.first, storage.last, align))
    buffers += [Buffer(_scratch_name(i), size, i, i, _WORD) for i, size in question.scratch.items()]
    overlaps = [Overlap(source, target, distance) for source, target, distance in question.overlaps]
    plan = plan_arena(buffers, overlaps, align=_WORD)
    tensors = {name: plan.offsets[s.name] for s in question.storages for name in s.tensors}
    scratch = {index: plan.offsets[_scratch_name(index)] for index in question.scratch}
    return Placement(-(-plan.size // _WORD) * _WORD, tensors, scratch, plan)
