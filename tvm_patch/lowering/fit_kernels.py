"""Gives kernels memory: what a plan leaves over, or, without one, what makes them fast.

Model-adaptive scratch, as MCUNet's TinyEngine has it (Lin et al. 2020, section 3.2, equations 1 and 2): the arena is as
large as its fullest segment needs it, and every other segment may fill it with wider tiles.  A plan reckons with
little scratch; the arena that it promises is what this module keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tvm_patch.input_mode import InputMode
from tvm_patch.kernels import Kernel
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.planner.explain import plan_memory
from tvm_patch.planner.memory import arena_bytes
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import Segment

_UNTUNED = TunedConfigs()


def widest_kernels(
    kernels: Sequence[Kernel], network: Network, tuned: TunedConfigs = _UNTUNED
) -> tuple[list[Kernel], Network]:
    """Return kernels in their fastest variant, and the network that says what scratch they have."""
    wide = [tuned.within(k, network.target.ample_scratch) for k in kernels]
    return wide, _described(network, wide)


def fit_kernels(
    kernels: Sequence[Kernel],
    network: Network,
    segments: Sequence[Segment],
    mode: InputMode,
    tuned: TunedConfigs = _UNTUNED,
) -> tuple[list[Kernel], Network]:
    """Return kernels with as much scratch as the arena has room for, and the network that says so.

    Parameters
    ----------
    kernels : sequence of Kernel
        One per operator, with little scratch.
    network : Network
        Described with them.
    segments : sequence of Segment
        The plan's.
    mode : {"resident", "rereadable", "streamed"}
        Of the inputs.
    tuned : TunedConfigs
        What was measured, and what is preferred.
    """
    memory, fetched = plan_memory(network, segments, mode), fetched_inputs(network, mode)
    arena = memory.placement.arena_bytes
    room = [arena - part.in_use for part in memory.segments]
    # The fullest segments give up first where what fits by size does not fit by place.
    order = sorted((i for i in range(len(segments)) if room[i] > 0), key=lambda i: -room[i])
    count = len(order)
    while count:
        chosen = _widened(kernels, network, segments, {i: room[i] for i in order[:count]}, tuned)
        wider = _described(network, chosen)
        if arena_bytes(wider, segments, fetched) == arena:
            return chosen, wider
        count = count * 3 // 4
    # No room anywhere: a preference may still choose code of the same scratch.
    same = _widened(kernels, network, segments, {}, tuned)
    wider = _described(network, same)
    return (same, wider) if arena_bytes(wider, segments, fetched) == arena else (list(kernels), network)


def _widened(
    kernels: Sequence[Kernel],
    network: Network,
    segments: Sequence[Segment],
    room: dict[int, int],
    tuned: TunedConfigs,
) -> list[Kernel]:
    """Return the kernels of some segments with what is there plus that room."""
    ample, allowed = network.target.ample_scratch, dict[int, int]()
    for position, segment in enumerate(segments):
        extra = room.get(position, 0)
        most = max((kernels[i].scratch_bytes for i in segment.operators), default=0)
        for i in segment.operators:
            # Kernels of one segment share the scratch; an operator may be in two segments.
            allowed[i] = min(allowed.get(i, most + extra), most + extra)
    return [tuned.within(k, min(allowed[i], ample)) if i in allowed else k for i, k in enumerate(kernels)]


def _described(network: Network, kernels: Sequence[Kernel]) -> Network:
    operators = tuple(
        replace(op, scratch_bytes=kernel.scratch_bytes)
        for op, kernel in zip(network.operators, kernels, strict=True)
    )
    return replace(network, operators=operators)
