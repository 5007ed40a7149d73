"""Orders the loops of kernels by a board's memories, in what the arena has left over."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.kernels import Kernel
from tvm_patch.lowering.fit_kernels import allowed_scratch
from tvm_patch.lowering.variants import alone_operators
from tvm_patch.planner.explain import plan_memory
from tvm_patch.planner.schedule import Schedule


def block_kernels(kernels: Sequence[Kernel], schedule: Schedule) -> tuple[list[Kernel], Schedule]:
    """Return kernels whose loops wait least for the target's memories, and the schedule with their scratch.

    The arena stays as large as it is.  Where no board is known, or its memories answer at once, nothing changes.

    Parameters
    ----------
    kernels : sequence of Kernel
        One per operator, with the scratch that the schedule has for it.
    schedule : Schedule
    """
    memory, arena = schedule.network.target.memory, schedule.arena_bytes
    if memory is None:
        return list(kernels), schedule
    memory, alone = memory.with_ram_of(arena), alone_operators(schedule)
    free = {part.position: arena - part.in_use for part in plan_memory(schedule).segments}
    # What fits by size may not fit by place: the fullest segments then give up first.
    order = sorted(free, key=lambda position: -free[position])
    count = len(order)
    while count:
        allowed = allowed_scratch(schedule, {i: free[i] for i in order[:count]})
        chosen = [k.blocked(allowed[i], memory, alone=i in alone) for i, k in enumerate(kernels)]
        # A plan promises its arena to the byte, so what a kernel no longer needs stays where it was.
        wider = schedule.with_scratch(
            [max(k.scratch_bytes, c.scratch_bytes) for k, c in zip(kernels, chosen, strict=True)]
        )
        if wider.arena_bytes == arena:
            return chosen, wider
        count = count * 3 // 4
    return list(kernels), schedule
