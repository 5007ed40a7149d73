"""What an architecture takes under a plan: the planner's quick answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tvm_patch.errors import PlanError
from tvm_patch.garbage import uncollected
from tvm_patch.input_mode import InputMode
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.cost import Cost, Time, alone_cost, estimate, total_time
from tvm_patch.nas.describe import constant_bytes, network_of_layers
from tvm_patch.nas.layers import Wired, layers_of
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.placement import Footprint, memory_question, place
from tvm_patch.planner.search.least import least_ways
from tvm_patch.planner.search.moves import Move
from tvm_patch.planner.search.plan_cycles import segment_cycles
from tvm_patch.planner.segments import Segment, kept_tensors
from tvm_patch.targets import Target


@dataclass(frozen=True)
class Planned:
    """A plan of an architecture.

    Attributes
    ----------
    cost : Cost
        As compiling it would give.
    segments : tuple of Segment
        In run order.
    """

    cost: Cost
    segments: tuple[Segment, ...]


class _Lone(NamedTuple):
    """The footprint of a layer that runs by itself."""

    sources: tuple[str, ...]
    stored: tuple[str, ...]
    scratch_bytes: int
    input_distance: Mapping[str, int | None]
    is_copy: bool = False
    takes_over: bool = False


def planned(
    architecture: Architecture, target: Target, mode: InputMode = "resident", max_overhead: float = 1.1
) -> Planned:
    """Return a plan with little arena: the best of a quick look (:mod:`tvm_patch.planner.search.least`).

    Parameters
    ----------
    architecture : Architecture
    target : Target
        What it runs on.
    mode : {"resident", "rereadable", "streamed"}
        Where the picture comes from.
    max_overhead : float
        Most multiply-accumulates executed over those of the network; at least 1.

    Raises
    ------
    PlanError
        When the limit is below 1.
    """
    if not max_overhead >= 1:
        raise PlanError(f"an overhead of {max_overhead:g} is impossible; the least is 1")
    with uncollected():
        return _planned(architecture, target, mode, max_overhead)


def _planned(architecture: Architecture, target: Target, mode: InputMode, max_overhead: float) -> Planned:
    wired = layers_of(architecture)
    network = network_of_layers("planned", wired, target)
    # Half a multiply-accumulate more: 1.1 times a whole number may come out just below it.
    found = []
    for way in least_ways(network, mode, int(network.macs * max_overhead + 0.5)):
        segments = tuple(segment for move in way for segment in move.segments)
        arena = _arena(network, wired, way, mode)
        found.append((arena, sum(move.macs for move in way), segments))
        if arena == max(move.peak for move in way):
            break  # nothing can be placed better
    arena, executed, segments = min(found, key=lambda f: f[:2])
    flash = sum(constant_bytes(layer, target) for layer, _ in wired)
    time = _time(network, wired, segments, fetched_inputs(network, mode))
    return Planned(Cost(arena, network.macs, executed, flash, *time), segments)


def _time(network: Network, wired: list[Wired], segments: Sequence[Segment], fetched: frozenset[str]) -> Time:
    """Return cycles and instructions; those of layers that run by themselves are known."""
    lone, others = [], []
    for segment, stored in zip(segments, kept_tensors(network, segments), strict=True):
        if segment == Segment(segment.operators[:1]):
            index = segment.operators[0]
            inputs = network.operators[index].inputs
            lone.append(alone_cost(wired[index].layer, network.target, fetched.issuperset(inputs)).time)
        else:
            others.append((segment, stored))

    def count(network: Network) -> int:
        return sum(segment_cycles(network, segment, stored, fetched) for segment, stored in others)

    return total_time([*lone, estimate(network, count)])


def _arena(network: Network, wired: list[Wired], way: list[Move], mode: InputMode) -> int:
    fetched = fetched_inputs(network, mode)
    footprints: list[Footprint] = []
    segments = [segment for move in way for segment in move.segments]
    kept = iter(kept_tensors(network, segments))
    for move in way:
        for segment in move.segments:
            stored = next(kept)
            if move.footprint is not None:
                footprints.append(move.footprint)
            elif segment == Segment(segment.operators[:1]):
                footprints.append(_lone(network, wired, segment.operators[0], fetched))
            else:
                footprints.append(segment.lay_out(network, stored, fetched))
    return place(memory_question(network, footprints, fetched)).arena_bytes


def _lone(network: Network, wired: list[Wired], index: int, fetched: frozenset[str]) -> _Lone:
    op = network.operators[index]
    alone = alone_cost(wired[index].layer, network.target, fetched.issuperset(op.inputs))
    distances = dict(zip(op.inputs, alone.distances, strict=True))
    sources = tuple(name for name in op.inputs if name not in fetched)
    return _Lone(sources, op.outputs, alone.scratch, {name: distances[name] for name in sources})
