"""The order of straight code for a core that issues two instructions a cycle.

A list scheduler: of the instructions whose predecessors are out, the one goes next that the core can issue soonest,
beside the one before it if it may; where several can, the one with the longest way to the end.  Registers stay as they
are, so reads and writes of one register keep their order, as do stores among memory accesses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tvm_patch.targets.pipeline.cortex_m7 import DualIssue, latency, may_pair
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
    code = _Code([[parse(line) for line in node] for node in nodes])
    core = DualIssue()
    out: list[str] = []
    while code.free:
        chosen = code.best(core)
        for i in chosen:
            for instruction in code.nodes[i]:
                core.issue(instruction)
            out += nodes[i]
        code.put_out(core, chosen)
    return tuple(out)


class _Code:
    """What is still to be put into order.

    Attributes
    ----------
    nodes : sequence of sequence of Instruction
        What stays together.
    heights : list of int
        Cycles that follow a node at least.
    free : dict of int to int
        Nodes that may come next, and the cycles in which their operands are there: no other node changes those.
    """

    def __init__(self, nodes: Sequence[Sequence[Instruction]]) -> None:
        self.nodes = nodes
        self._before, self._after, self.heights = _order(nodes)
        self._left = (1 << len(nodes)) - 1
        self.free = {i: 0 for i, before in enumerate(self._before) if not before}

    def first(self, node: int) -> Instruction:
        """Return the first instruction of a node."""
        return self.nodes[node][0]

    def put_out(self, core: DualIssue, chosen: Sequence[int]) -> None:
        """Take nodes out, which the core has issued."""
        for i in chosen:
            self._left &= ~(1 << i)
            self.free.pop(i, None)
        for i in chosen:
            for j in self._after[i]:
                if self._left >> j & 1 and not self._before[j] & self._left:
                    self.free[j] = core.there(self.first(j), self.first(j).early)

    def best(self, core: DualIssue) -> tuple[int, ...]:
        """Return what goes next, one node or two: what is issued soonest, rather two than one, the highest first."""
        when = {i: core.soonest(self.first(i), there) for i, there in self.free.items()}
        soonest = min(when.values())
        able = sorted((i for i in when if when[i] == soonest), key=lambda i: -self.heights[i])
        highest = max(self.heights[i] for i in self.free)
        chosen: tuple[int, ...] = ()
        rank: tuple[int, int, int] = (0, 0, 0)
        for i in able:
            # Nothing that goes beside a node is higher than all that are free, or than the node that frees it.
            if len(chosen) == 2 and (-2, -highest, -self.heights[i]) > rank:
                break
            two = self.beside(core, i, soonest)
            heights = sorted(-self.heights[j] for j in two)
            one = (-len(two), heights[0], heights[-1])
            if not chosen or (one, two) < (rank, chosen):
                chosen, rank = two, one
        return chosen

    def beside(self, core: DualIssue, first: int, cycle: int) -> tuple[int, ...]:
        """Return a node that is issued in a cycle and the best one that may go beside it, if there is one."""
        older = self.first(first)
        if len(self.nodes[first]) > 1:
            # An IT and the instruction under it: the last one decides.
            core = core.copy()
            for instruction in self.nodes[first][:-1]:
                core.issue(instruction)
            older = self.nodes[first][-1]
            cycle = core.when(older)
        if cycle == core.cycle or older.alone:
            return (first,)
        early = core.is_early(older, cycle)
        able = [
            i
            for i, there in self.free.items()
            if i != first and there <= cycle and may_pair(older, self.first(i), early=early)
        ]
        # Those that it alone held back are free with it; they come soon after it.
        freed = [
            j
            for j in self._after[first]
            if self._before[j] & self._left == 1 << first and may_pair(older, self.first(j), early=early)
        ]
        if freed:
            then = core.copy()
            then.issue(older)
            able += [j for j in freed if then.there(self.first(j), self.first(j).early) <= cycle]
        return (first, min(able, key=lambda i: (-self.heights[i], i))) if able else (first,)


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


def _order(nodes: Sequence[Sequence[Instruction]]) -> tuple[list[int], list[list[int]], list[int]]:
    """Return which nodes come right before each, as bits, which right after it, and how many cycles follow at least."""
    before = [0] * len(nodes)
    follows: list[dict[int, int]] = [{} for _ in nodes]
    writers: dict[str, tuple[int, Instruction]] = {}
    readers: dict[str, list[int]] = {}
    # What lies on the stack is reached through sp alone.
    accesses = {on_stack: _Accesses() for on_stack in (False, True)}

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
                for i in accesses["sp" in instruction.early].add(j, instruction.kind == "store"):
                    comes_before(i, j, 0)
            if instruction.taken:
                for i in range(j):
                    comes_before(i, j, 0)
    heights = [0] * len(nodes)
    for i in reversed(range(len(nodes))):
        heights[i] = max((cycles + heights[j] for j, cycles in follows[i].items()), default=0)
    return before, [sorted(after) for after in follows], heights


class _Accesses:
    """Accesses to one memory, in which stores keep their place among all others."""

    def __init__(self) -> None:
        self._store: list[int] = []
        self._loads: list[int] = []

    def add(self, node: int, store: bool) -> list[int]:
        """Add an access and return those that come before it; what comes before these comes before it as well."""
        if not store:
            self._loads.append(node)
            return self._store
        before = [*self._store, *self._loads]
        self._store, self._loads = [node], []
        return before
