"""The code of a :class:`tvm_patch.kernels.c.arm.dot_tile.DotTile` for a core that issues two instructions a cycle.

The loop runs one step ahead of itself (see :mod:`tvm_patch.kernels.c.arm.dot_steps_dual`), so its first and its last
step stand apart.  What follows it, a sum's way to int8, is ordered by :mod:`tvm_patch.kernels.c.arm.scheduling`.
"""

from __future__ import annotations

from tvm_patch.kernels.c.arm.dot_steps import sums_of
from tvm_patch.kernels.c.arm.dot_steps_dual import DUAL_STEPS, DualStep
from tvm_patch.kernels.c.arm.dot_tile import DotLoop, DotTile
from tvm_patch.kernels.c.arm.function import enter, leave
from tvm_patch.kernels.c.arm.scheduling import schedule

_STOP, _ENTRY, _PIXELS, _OUT, _END = (f"[sp, #{4 * i}]" for i in range(5))
_SAVED_BYTES = 12 * 4
"""Three arguments and nine registers: above them lie the arguments that came on the stack."""


def dual_assembly(tile: DotTile) -> list[str]:
    """Return the code: r0 walks through the stream, r1 through the pixels; what is used rarely lies at sp."""
    step = DUAL_STEPS[tile.channels, tile.pixels, tile.direct]
    return [*dual_loop(tile), *schedule(_finish(tile, step)), *leave(5)]


def dual_loop(tile: DotLoop) -> list[str]:
    """Return the head of a function and, from label 1 on, what makes the sums of a group.

    Behind it the words that follow the group's weights are loaded; see :class:`DualStep`.
    """
    step = DUAL_STEPS[tile.channels, tile.pixels, tile.direct]
    out = enter("r1", "r2", "r3")
    if tile.straight:
        out += ["sub sp, #8", "1:", *step.first()]
        for k in range(tile.straight):
            out += step.instructions(fresh=k == 0, last=k == tile.straight - 1)
    else:
        out += [f"ldr r2, [sp, #{_SAVED_BYTES}]", "add r2, r1", f"sub r2, #{tile.quad_bytes}"]
        # All instructions of a step have four bytes, so the loop can be entered at any of its steps.
        out += ["adr r4, 3f", f"ldr r3, [sp, #{_SAVED_BYTES + 4}]", "sub r4, r3", "orr r4, #1"]
        out += [
            "push {r2, r4}",
            "1:",
            *step.first(),
            *step.instructions(fresh=True),
            f"ldr pc, {_ENTRY}",
            "2:",
        ]
        out += tile.unroll * step.instructions()
        out += ["3:", f"ldr {step.free}, {_STOP}", f"cmp r1, {step.free}", "bne 2b"]
        out += step.instructions(last=True)
    return out


def _finish(tile: DotTile, step: DualStep) -> list[str]:
    """Return what makes outputs of the sums of a group, and goes on with the next one."""
    base = [f"ldr r2, [sp, #{_SAVED_BYTES + 8 + 12}]"]
    sums = sums_of(tile.channels, tile.pixels)
    words = list(step.words)
    missing = 2 * len(sums) - len(words)
    words += ["r12", "lr"] if len(sums) == 2 else ["r8", "r9", "r10", "r11"]
    out = []
    for c, acc in enumerate(sums):
        bias, multiplier = words[2 * c : 2 * c + 2]
        if 2 * c >= len(step.words):
            at = 4 * (2 * c - len(step.words))
            out += [f"ldr {bias}, [r0, #{at}]", f"ldr {multiplier}, [r0, #{at + 4}]"]
        out += tile.rescaling.add_bias(acc, bias) + tile.rescaling.constant(bias, multiplier)
        out += tile.rescaling.assembly(acc, multiplier, bias, "r2", "r3", base)
    out += [f"add r0, #{4 * missing}", f"ldr r2, {_OUT}"]
    if tile.pixels > 1:
        out.append(f"ldr r3, [sp, #{_SAVED_BYTES + 8 + 8}]")
    for acc in sums:
        if tile.pixels > 1:
            out.append(f"strb {acc[1]}, [r2, r3]")
        if tile.pixels > 2:
            out.append(f"strb {acc[2]}, [r2, r3, lsl #1]")
        out.append(f"strb {acc[0]}, [r2], #1")
    out += [f"str r2, {_OUT}", f"ldr r3, {_END}", f"ldr r1, {_PIXELS}", "cmp r0, r3", "bne 1b"]
    return out
