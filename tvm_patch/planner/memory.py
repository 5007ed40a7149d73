"""From a network cut into segments to the arena planner's question, and its answer.

The compiler and the search ask through the same functions, so the arena that a plan predicts is the arena that is
compiled, byte for byte.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tvm_patch.planner.alias import overlap_distance
from tvm_patch.planner.arena import plan_arena
from tvm_patch.planner.buffers import ArenaPlan, Buffer, Overlap
from tvm_patch.planner.layouts import Layout, lay_out
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_buffer import aligned
from tvm_patch.planner.segments import Segment, kept_tensors

_WORD = 4
_WIDE = {"int64": 8}


@dataclass(frozen=True)
class StepMemory:
    """What one step reads, writes and needs beside.

    Attributes
    ----------
    inputs : tuple of str
        Tensors read from the arena, each once.
    outputs : tuple of str
        Tensors written to the arena.
    scratch_bytes : int
        Bytes of row buffers, accumulators and kernel scratch.
    input_distance : mapping of str to int or None
        Per tensor read: the least (input offset - output offset) in bytes at which the only output may overlap it
        when it dies here; None where they must be disjoint.
    is_copy : bool
        Whether the output is the input, byte for byte.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scratch_bytes: int = 0
    input_distance: Mapping[str, int | None] = field(default_factory=dict)
    is_copy: bool = False


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
        Steps during which it must keep its contents; -1 for graph inputs, the number of steps for outputs.
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


def runs_whole(network: Network, segment: Segment) -> bool:
    """Tell whether a segment is one operator that needs whole tensors."""
    return (
        not segment.patch_rows
        and len(segment.operators) == 1
        and not network.operators[segment.operators[0]].rows
    )


def step_of(network: Network, layout: Layout) -> StepMemory:
    """Return what a laid-out segment asks of the arena."""
    distance = {t: overlap_distance(layout, network, t) for t in layout.sources}
    return StepMemory(layout.sources, layout.stored, layout.scratch_bytes, distance)


def whole_step(network: Network, index: int) -> StepMemory:
    """Return what an operator that runs on whole tensors asks of the arena."""
    op = network.operators[index]
    in_place = op.in_place or tuple(None for _ in op.inputs)
    return StepMemory(
        tuple(dict.fromkeys(op.inputs)),
        op.outputs,
        aligned(op.scratch_bytes),
        dict(zip(op.inputs, in_place, strict=True)),
        op.is_copy,
    )


def steps_of(
    network: Network, segments: Sequence[Segment], fetched: Collection[str] = ()
) -> tuple[StepMemory, ...]:
    """Return what every segment of a plan asks of the arena.

    Parameters
    ----------
    network : Network
    segments : sequence of Segment
    fetched : collection of str
        Network inputs that are not in the arena.

    Raises
    ------
    PlanError
        When a segment cannot run.
    """
    steps = []
    for segment, kept in zip(segments, kept_tensors(network, segments), strict=True):
        if runs_whole(network, segment):
            steps.append(whole_step(network, segment.operators[0]))
        else:
            layout = lay_out(network, segment, kept, fetched)
            steps.append(step_of(network, layout))
    return tuple(steps)


def macs_of(network: Network, segments: Sequence[Segment], fetched: Collection[str] = ()) -> tuple[int, ...]:
    """Return the multiply-accumulates that every segment of a plan executes; see :func:`steps_of`."""
    executed = []
    for segment, kept in zip(segments, kept_tensors(network, segments), strict=True):
        if runs_whole(network, segment):
            executed.append(network.operators[segment.operators[0]].macs)
        else:
            layout = lay_out(network, segment, kept, fetched)
            executed.append(layout.macs_executed(network))
    return tuple(executed)


def overhead_of(executed: int, macs: int) -> float:
    """Return multiply-accumulates executed over those of the network, to six digits; 1 where there are none."""
    return round(executed / macs, 6) if macs else 1.0


def _last_uses(network: Network, steps: Sequence[StepMemory], stored: Sequence[str]) -> dict[str, int]:
    """Return the step after which each stored tensor is no longer needed."""
    last = dict.fromkeys(stored, -1)
    for index, step in enumerate(steps):
        for name in (*step.inputs, *step.outputs):
            last[name] = index
    for name in network.outputs:
        last[name] = len(steps)
    return last


def memory_question(
    network: Network, steps: Sequence[StepMemory], fetched: Collection[str] = ()
) -> MemoryQuestion:
    """Collect lifetimes, views and permitted overlaps.

    Parameters
    ----------
    network : Network
        For sizes, inputs and outputs.
    steps : sequence of StepMemory
        In run order.
    fetched : collection of str
        Network inputs that are not in the arena.
    """
    stored = [name for name in network.inputs if name not in fetched]
    last = _last_uses(network, steps, stored)
    born = dict.fromkeys(stored, -1)
    owner = {name: name for name in stored}
    members = {name: [name] for name in stored}
    for index, step in enumerate(steps):
        for name in step.outputs:
            born[name] = index
            source = step.inputs[0] if step.is_copy else None
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
    for index, step in enumerate(steps):
        if len(step.outputs) != 1:
            continue
        target = owner[step.outputs[0]]
        sources = [owner[n] for n in step.inputs]
        for name, source in zip(step.inputs, sources, strict=True):
            distance = step.input_distance[name]
            dies = storages[source].last == index
            # Two views of one storage ask for different distances only in theory; then neither is used.
            if distance is not None and dies and source != target and sources.count(source) == 1:
                overlaps[source, target] = distance
    scratch = {i: s.scratch_bytes for i, s in enumerate(steps) if s.scratch_bytes}
    pairs = tuple((source, target, d) for (source, target), d in overlaps.items())
    return MemoryQuestion(tuple(storages.values()), scratch, pairs)


def _scratch_name(index: int) -> str:
    return f"scratch of step {index}"


def place_steps(network: Network, steps: Sequence[StepMemory], fetched: Collection[str] = ()) -> Placement:
    """Give every stored tensor and scratch buffer an offset in one arena.

    Parameters
    ----------
    network : Network
        For sizes, inputs and outputs.
    steps : sequence of StepMemory
        In run order.
    fetched : collection of str
        Network inputs that are not in the arena.
    """
    question = memory_question(network, steps, fetched)
    buffers = [Buffer(s.name, s.size, s.first, s.last, s.align) for s in question.storages]
    buffers += [Buffer(_scratch_name(i), size, i, i, _WORD) for i, size in question.scratch.items()]
    overlaps = [Overlap(source, target, distance) for source, target, distance in question.overlaps]
    plan = plan_arena(buffers, overlaps, align=_WORD)
    tensors = {name: plan.offsets[s.name] for s in question.storages for name in s.tensors}
    scratch = {index: plan.offsets[_scratch_name(index)] for index in question.scratch}
    return Placement(aligned(plan.size), tensors, scratch, plan)


def arena_bytes(network: Network, segments: Sequence[Segment], fetched: Collection[str] = ()) -> int:
    """Return the bytes of the arena that the compiler allocates for a plan; see :func:`steps_of`."""
    return place_steps(network, steps_of(network, segments, fetched), fetched).arena_bytes
