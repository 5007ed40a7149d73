"""Gives kernels memory: what a plan leaves over, or, without one, what makes them fast.

Model-adaptive scratch, as MCUNet's TinyEngine has it (Lin et al. 2020, section 3.2, equations 1 and 2): the arena is as
large as its fullest segment needs it, and every other segment may fill it with wider tiles.  A plan reckons with
little scratch; the arena that it promises is what this module keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.kernels import Kernel
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.planner.explain import plan_memory
from tvm_patch.planner.schedule import Schedule

_UNTUNED = TunedConfigs()


def widest_kernels(
    kernels: Sequence[Kernel], schedule: Schedule, tuned: TunedConfigs = _UNTUNED
) -> tuple[list[Kernel], Schedule]:
    """Return kernels in their fastest variant, and the schedule with the scratch that they have."""
    ample, alone = schedule.network.target.ample_scratch, alone_operators(schedule)
    wide = [tuned.within(k, ample, alone=i in alone) for i, k in enumerate(kernels)]
    return wide, schedule.with_scratch([k.scratch_bytes for k in wide])


def fit_kernels(
    kernels: Sequence[Kernel], schedule: Schedule, tuned: TunedConfigs = _UNTUNED
) -> tuple[list[Kernel], Schedule]:
    """Return kernels with as much scratch as the arena has room for, and the schedule with that scratch.

    Parameters
    ----------
    kernels : sequence of Kernel
        One per operator, with little scratch.
    schedule : Schedule
        Made with them.
    tuned : TunedConfigs
        What was measured, and what is preferred.
    """
    arena, refused = schedule.arena_bytes, set[tuple[int, ...]]()

    def fitted(chosen: Sequence[Kernel]) -> Schedule | None:
        # Other kernels of the same scratch would fit no better, and placing takes a while.
        scratch = tuple(k.scratch_bytes for k in chosen)
        if scratch in refused:
            return None
        wider = schedule.with_scratch(scratch)
        if wider.arena_bytes != arena:
            refused.add(scratch)
            return None
        return wider

    room = [arena - part.in_use for part in plan_memory(schedule).segments]
    # The fullest segments give up first where what fits by size does not fit by place.
    order = sorted((i for i, free in enumerate(room) if free > 0), key=lambda i: -room[i])
    count = len(order)
    while count:
        chosen = _widened(kernels, schedule, {i: room[i] for i in order[:count]}, tuned)
        if (wider := fitted(chosen)) is not None:
            return chosen, wider
        count = count * 3 // 4
    # No room anywhere: a preference may still choose code of the same scratch.
    same = _widened(kernels, schedule, {}, tuned)
    wider = fitted(same)
    return (list(kernels), schedule) if wider is None else (same, wider)


def _widened(
    kernels: Sequence[Kernel],
    schedule: Schedule,
    room: dict[int, int],
    tuned: TunedConfigs,
) -> list[Kernel]:
    """Return the kernels of some segments with what is there plus that room."""
    ample, alone = schedule.network.target.ample_scratch, alone_operators(schedule)
    allowed = allowed_scratch(kernels, schedule, room)
    return [
        tuned.within(k, min(allowed[i], ample), alone=i in alone) if i in allowed else k
        for i, k in enumerate(kernels)
    ]


def allowed_scratch(kernels: Sequence[Kernel], schedule: Schedule, room: Mapping[int, int]) -> dict[int, int]:
    """Return how much scratch each operator may have where segments have so much room besides what they use."""
    allowed = dict[int, int]()
    for position, segment in enumerate(schedule.segments):
        extra = room.get(position, 0)
        most = max((kernels[i].scratch_bytes for i in segment.operators), default=0)
        for i in segment.operators:
            # Kernels of one segment share the scratch; an operator may be in two segments.
            allowed[i] = min(allowed.get(i, most + extra), most + extra)
    return allowed


def alone_operators(schedule: Schedule) -> set[int]:
    """Return the operators that run over whole tensors, as segments of their own only."""
    network, operators = schedule.network, [i for s in schedule.segments for i in s.operators]
    return {
        i
        for s in schedule.segments
        for i in s.operators
        if len(s.operators) == 1
        and not s.pieces
        and operators.count(i) == 1
        and not schedule.fetched.intersection(network.operators[i].inputs)
    }
