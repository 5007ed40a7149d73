"""Cycles of a block of instructions: in-order issue, two a cycle on a Cortex-M7, one on a Cortex-M4.

Arm publishes the timing of the M4 (Technical Reference Manual, 3.3.1) and not that of the M7.  What is modelled of the
M7 is what several people measured alike (quinapalus.com/cm7cycles.html among them): which pairs issue together, one
multiplier, one shifter, operands that are shifted and addresses needed a cycle early, a cycle between a load and its
use.  Caches, flash and tightly coupled memory always answer at once, branches are always predicted.  So it says what
the core could do; it is an estimate, and is called one wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from microtvm_project.cycles.instruction import Instruction, parse
from tvm_patch.errors import UserError

LOAD_LATENCY = 2
"""Cycles from a load to the first use of what it brings (M7)."""
MAC_LATENCY = 2
"""Cycles from a multiplication to a use other than as the sum of the next (M7)."""
DIVIDE_CYCLES = 8
"""Of 2 to 12, by the operands."""
_M4_BRANCH = 2
_M4_LOAD = 2


@lru_cache(maxsize=65536)
def block_cycles(lines: tuple[str, ...], cpu: str) -> float:
    """Return the cycles of a block that follows another run of itself, or one like it.

    Parameters
    ----------
    lines : tuple of str
        Disassembly, a line an instruction.
    cpu : str
        Which core, a key of :data:`CORES`.

    Raises
    ------
    UserError
        When there is no model of the core.
    """
    if cpu not in CORES:
        raise UserError(f"cycles of {cpu} cannot be estimated; there is a model of {', '.join(CORES)}")
    return CORES[cpu]([parse(line) for line in lines])


def _m4_block(block: Sequence[Instruction]) -> float:
    return float(sum(_m4(i, before) for i, before in zip(block, (None, *block), strict=False)))


def _m7_block(block: Sequence[Instruction]) -> float:
    # What a block costs behind another one, without what it waits for when everything is cold.
    return _m7([*block, *block]) - _m7(block)


def _m4(instruction: Instruction, before: Instruction | None) -> int:
    if instruction.kind == "branch" or instruction.taken:
        return 1 + _M4_BRANCH
    if instruction.kind == "divide":
        return DIVIDE_CYCLES
    if instruction.kind in ("load", "store"):
        if instruction.words > 1:
            return 1 + instruction.words
        # Neighbouring single loads and stores are pipelined; a store alone is buffered.
        pipelined = before is not None and before.kind in ("load", "store") and before.words == 1
        return 1 if pipelined or instruction.kind == "store" else _M4_LOAD
    return 1


def _m7(block: Sequence[Instruction]) -> float:
    ready: dict[str, int] = {}
    sums: dict[str, int] = {}
    cycle, first = 0, None  # `first` has been issued in `cycle` and waits for company
    for instruction in block:
        at = _operands_ready(instruction, ready, sums)
        if first is not None and at <= cycle and _pairs(first, instruction):
            first = None
        else:
            cycle = max(cycle + 1, at)
            first = instruction
        busy = _busy(instruction)
        for register in instruction.writes:
            ready[register] = cycle + _latency(instruction, register) + busy
            sums[register] = cycle + 1 if instruction.kind == "mac" else ready[register]
        if busy:
            cycle, first = cycle + busy, None
        if instruction.kind == "branch":
            first = None
    return float(cycle)


def _operands_ready(instruction: Instruction, ready: dict[str, int], sums: dict[str, int]) -> int:
    at = 0
    for register in instruction.reads:
        if register == instruction.accumulates:
            at = max(at, sums.get(register, 0))
        else:
            at = max(at, ready.get(register, 0) + (register in instruction.early))
    return at


def _latency(instruction: Instruction, register: str) -> int:
    if instruction.kind == "load" and register not in instruction.early:
        return LOAD_LATENCY
    if instruction.kind == "mac":
        return MAC_LATENCY
    return 1


def _busy(instruction: Instruction) -> int:
    """Return the cycles beyond the first in which nothing else is issued."""
    if instruction.kind == "divide":
        return DIVIDE_CYCLES - 1
    if instruction.kind in ("load", "store") and instruction.words > 2:
        return (instruction.words + 1) // 2 - 1
    return 0


_UNITS = {"shift": "shifter", "simd": "shifter", "mac": "multiplier", "load": "memory", "store": "memory"}


def _pairs(older: Instruction, younger: Instruction) -> bool:
    """Tell whether two neighbours are issued together, their operands being ready."""
    if older.kind in ("branch", "divide", "other") or younger.kind in ("divide", "other"):
        return False
    # What the older one writes is not there yet.
    if older.writes & (younger.reads | younger.writes):
        return False
    if younger.kind in ("simd", "mac"):  # these issue from the first slot only
        return False
    if (older.kind, younger.kind) in (("load", "load"), ("store", "load")):
        return older.words == younger.words == 1 and older.kind == "load"
    unit = _UNITS.get(younger.kind)
    return unit is None or unit != _UNITS.get(older.kind)


CORES: dict[str, Callable[[Sequence[Instruction]], float]] = {"cortex-m4": _m4_block, "cortex-m7": _m7_block}
"""What a block costs, by core."""
