"""The order of straight code for a core that issues two instructions a cycle.

A list scheduler: of the instructions whose predecessors are out, the one goes next that the core can issue soonest,
beside the one before it if it may; where several can, the one with the longest way to the end.  Registers stay as they
are, so reads and writes of one register keep their order, as do stores among memory accesses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tvm_patch.targets.pipeline.cortex_m7 import DualIssue, latency
from tvm_patch.targets.pipeline.instruction import Instruction, parse


def for_two_issues(lines: Sequence[str]) -> list[str]:
    """Return code that computes the same, for a core that issues two instructions a cycle.

    Words are loaded and stored one by one, since LDRD, STRD, LDM and STM go beside nothing; then every straight piece
    is put into order.

    Parameters
    ----------
    lines : sequence of str
        Instructions and labels (``1:``).
    """
    out: list[str] = []
    block: list[str] = []
    for line in lines:
        if line.endswith(":"):
            out += [*schedule(block), line]
            block = []
            continue
        block += _apart(line)
        if parse(line).taken:
            out += schedule(block)
            block = []
    return out + schedule(block)


_PAIR = re.compile(
    r"(?P<what>ldr|str)d (?P<a>\w+), (?P<b>\w+), \[(?P<base>\w+)(?:, #(?P<at>-?\d+))?\](?:, #(?P<step>-?\d+))?"
)
_MANY = re.compile(r"(?P<what>ldm|stm)(?P<how>db)? (?P<base>\w+)!, \{(?P<registers>[^}]*)\}")


def _apart(line: str) -> list[str]:
    """Return the loads and stores of single words that one of several stands for."""
    if match := _PAIR.fullmatch(line):
        what, base = match["what"], match["base"]
        words = {int(match["at"] or 0) + 4 * i: r for i, r in enumerate((match["a"], match["b"]))}
        step = int(match["step"] or 0)
    elif match := _MANY.fullmatch(line):
        what, base = {"ldm": "ldr", "stm": "str"}[match["what"]], match["base"]
        registers = [r.strip() for r in match["registers"].split(",")]
        step = 4 * len(registers) * (-1 if match["how"] else 1)
        words = {min(step, 0) + 4 * i: r for i, r in enumerate(registers)}
    else:
        return [line]
    # The one that overwrites the address comes last.
    order = sorted(words, key=lambda at: words[at] == base)
    out = [f"{what} {words[at]}, [{base}, #{at}]" for at in order]
    return [*out, f"add {base}, #{step}" if step > 0 else f"sub {base}, #{-step}"] if step else out


def cycles_of(lines: Sequence[str]) -> int:
    """Return the cycles that code takes, every instruction once."""
    core = DualIssue()
    for line in lines:
        if not line.endswith(":"):
            core.issue(parse(line))
    return core.cycle


def schedule(lines: Sequence[str]) -> list[str]:
    """Return the instructions in the order that a Cortex-M7 runs fastest; it computes the same.

    Parameters
    ----------
    lines : sequence of str
        Straight code: no labels; a branch is the last line.  ``it`` and the instruction under it stay together.
    """
    return list(_schedule(tuple(lines)))


@lru_cache(maxsize=4096)
def _schedule(lines: tuple[str, ...]) -> tuple[str, ...]:
    nodes = _bundles(lines)
    parsed = [[parse(line) for line in node] for node in nodes]
    before, heights = _order(parsed)
    core = DualIssue()
    out: list[str] = []
    left = (1 << len(nodes)) - 1
    free = [i for i in range(len(nodes)) if not before[i]]
    while left:
        when = {i: core.when(parsed[i][0]) for i in free}
        soonest = min(when.values())
        chosen = min(
            (_beside(core, parsed, before, left, free, i, heights) for i in free if when[i] == soonest),
            key=lambda two: (-len(two), [-h for h in sorted((heights[i] for i in two), reverse=True)], two),
        )
        for i in chosen:
            for instruction in parsed[i]:
                core.issue(instruction)
            out += nodes[i]
            left &= ~(1 << i)
        free = [i for i in range(len(nodes)) if left >> i & 1 and not before[i] & left]
    return tuple(out)


def _beside(
    core: DualIssue,
    nodes: Sequence[Sequence[Instruction]],
    before: Sequence[int],
    left: int,
    free: Sequence[int],
    first: int,
    heights: Sequence[int],
) -> tuple[int, ...]:
    """Return an instruction and the best one that may go beside it, if there is one."""
    then = core.copy()
    for instruction in nodes[first]:
        then.issue(instruction)
    if then.first is None:  # nothing goes beside it
        return (first,)
    rest = left & ~(1 << first)
    # Those that it alone held back are free with it; they come soon after it.
    freed = [i for i in range(first + 1, len(nodes)) if before[i] & left == 1 << first and rest >> i & 1]
    able = [i for i in (*free, *freed) if i != first and then.when(nodes[i][0]) == then.cycle]
    return (first, min(able, key=lambda i: (-heights[i], i))) if able else (first,)


def _bundles(lines: Sequence[str]) -> list[list[str]]:
    out: list[list[str]] = []
    under = 0
    for line in lines:
        if under:
            out[-1].append(line)
            under -= 1
        else:
            out.append([line])
            name = line.split()[0]
            under = len(name) - 1 if name.startswith("it") else 0
    return out


def _order(nodes: Sequence[Sequence[Instruction]]) -> tuple[list[int], list[int]]:
    """Return which nodes come before each, as bits, and how many cycles follow it at least."""
    before = [0] * len(nodes)
    follows: list[dict[int, int]] = [{} for _ in nodes]
    writers: dict[str, tuple[int, Instruction]] = {}
    readers: dict[str, list[int]] = {}
    accesses: list[tuple[int, Instruction]] = []

    def comes_before(i: int, j: int, cycles: int) -> None:
        if i != j:
            before[j] |= 1 << i
            follows[i][j] = max(follows[i].get(j, 0), cycles)

    for j, node in enumerate(nodes):
        for instruction in node:
            for register in instruction.reads | instruction.writes:
                if register in writers:
                    i, writer = writers[register]
                    comes_before(i, j, latency(writer, instruction))
            for register in instruction.writes:
                for i in readers.pop(register, ()):
                    comes_before(i, j, 0)
                writers[register] = (j, instruction)
            for register in instruction.reads - instruction.writes:
                readers.setdefault(register, []).append(j)
            if instruction.kind in ("load", "store"):
                for i, other in accesses:
                    if _same_memory(other, instruction):
                        comes_before(i, j, 0)
                accesses.append((j, instruction))
            if instruction.taken:
                for i in range(j):
                    comes_before(i, j, 0)
    heights = [0] * len(nodes)
    for i in reversed(range(len(nodes))):
        heights[i] = max((cycles + heights[j] for j, cycles in follows[i].items()), default=0)
    return before, heights


def _same_memory(a: Instruction, b: Instruction) -> bool:
    """Tell whether one may write what the other accesses: what lies on the stack is reached through sp alone."""
    return {a.kind, b.kind} in ({"store"}, {"load", "store"}) and ("sp" in a.early) == ("sp" in b.early)
