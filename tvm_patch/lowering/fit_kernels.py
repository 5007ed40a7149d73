"""Gives kernels memory: what the arena of a plan leaves over, or may grow to.

Model-adaptive scratch, as MCUNet's TinyEngine has it (Lin et al. 2020, section 3.2, equations 1 and 2): the arena is as
large as its fullest segment needs it, and every other segment may fill it with wider tiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tvm_patch.kernels import Kernel
from tvm_patch.lowering.prices import Prices
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.lowering.variants import Variants, alone_operators, ample_scratch
from tvm_patch.planner.explain import plan_memory
from tvm_patch.planner.plan import Bought
from tvm_patch.planner.schedule import Schedule


def layer_kernels(
    kernels: Sequence[Kernel], schedule: Schedule, tuned: TunedConfigs, sram: int | None = None
) -> tuple[list[Kernel], Schedule, Bought | None]:
    """Return the kernels of what is compiled without a plan, the schedule with their scratch, and what that bought.

    Parameters
    ----------
    kernels, schedule, tuned
        As for :func:`fit_kernels`.
    sram : int, optional
        Bytes that the arena may take, if it does not need more anyway.  Without it, each kernel gets up to
        :attr:`Target.ample_scratch`, and then what the arena that comes of it has left over.
    """
    variants = Variants(kernels, tuned)
    ample = schedule.with_scratch(ample_scratch(variants, schedule))
    arena = ample.arena_bytes if sram is None else max(sram, schedule.arena_bytes)
    # Placed with little scratch an output may lie beside an input that it could overlap, in the room for more.
    least = ample if ample.arena_bytes <= arena else schedule
    chosen, wider = fit_kernels(kernels, least, tuned, arena, variants)
    more = wider.arena_bytes - schedule.arena_bytes
    if not more:
        return chosen, wider, None
    prices = Prices(schedule, variants)
    saved = prices.late(schedule.arena_bytes) - prices.late(wider.arena_bytes)
    return chosen, wider, Bought(arena_bytes=more, estimated_cycles=round(saved))


def fit_kernels(
    kernels: Sequence[Kernel],
    schedule: Schedule,
    tuned: TunedConfigs,
    arena: int | None = None,
    variants: Variants | None = None,
) -> tuple[list[Kernel], Schedule]:
    """Return kernels with as much scratch as pays and the arena has room for, and the schedule with that scratch.

    Parameters
    ----------
    kernels : sequence of Kernel
        One per operator, with little scratch.
    schedule : Schedule
        The least scratch of each operator: that of the kernels, or of a plan that gives them more.
    tuned : TunedConfigs
        What was measured, and what is preferred.
    arena : int, optional
        Bytes that the arena may grow to; it stays as it is without.
    variants : Variants, optional
        Of these kernels, if they are known already.
    """
    most, refused = max(arena or 0, schedule.arena_bytes), set[tuple[int, ...]]()
    given = [op.scratch_bytes for op in schedule.network.operators]
    known, alone = variants or Variants(kernels, tuned), alone_operators(schedule)

    def fitted(chosen: Sequence[Kernel]) -> Schedule | None:
        # Other kernels of the same scratch would fit no better, and placing takes a while.
        scratch = tuple(max(k.scratch_bytes, least) for k, least in zip(chosen, given, strict=True))
        if scratch in refused:
            return None
        wider = schedule.with_scratch(scratch)
        if wider.arena_bytes > most or (arena is None and wider.arena_bytes < most):
            refused.add(scratch)
            return None
        return wider

    def widened(room: Mapping[int, int]) -> list[Kernel]:
        allowed = allowed_scratch(schedule, room)
        return [known.within(i, size, alone=i in alone).kernel for i, size in enumerate(allowed)]

    room = [most - part.in_use for part in plan_memory(schedule).segments]
    # The fullest segments give up first where what fits by size does not fit by place.
    order = sorted((i for i, free in enumerate(room) if free > 0), key=lambda i: -room[i])
    count = len(order)
    while count:
        chosen = widened({i: room[i] for i in order[:count]})
        if (wider := fitted(chosen)) is not None:
            return chosen, wider
        count = count * 3 // 4
    # No room anywhere: a preference may still choose code of the same scratch.
    same = widened({})
    wider = fitted(same)
    return (list(kernels), schedule) if wider is None else (same, wider)


def allowed_scratch(schedule: Schedule, room: Mapping[int, int]) -> list[int]:
    """Return how much scratch each operator may have where segments have so much room besides what they use."""
    operators, allowed = schedule.network.operators, dict[int, int]()
    for position, segment in enumerate(schedule.segments):
        extra = room.get(position, 0)
        own = segment.own_kernels
        most = max((operators[i].scratch_bytes for i in own), default=0)
        for i in own:
            # Kernels of one segment share the scratch; an operator may be in two segments.
            allowed[i] = min(allowed.get(i, most + extra), most + extra)
    return [allowed.get(op.index, op.scratch_bytes) for op in operators]
