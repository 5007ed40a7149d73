"""Cycles of a Cortex-M4: one instruction at a time (Technical Reference Manual, 3.3.1).

Beyond the manual, as measured on an STM32F407 (jnk0le/random, ``pipeline cycle test/doc/cortex_m3m4.md``): loads follow
each other in a cycle each, but not where the second takes the address that the first has stepped; a store that follows
a load takes none of its own, a load that follows a store two; a store whose address is the sum of two registers takes
one more; an address has to be there a cycle early.
"""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.targets.pipeline.cost import BlockCost
from tvm_patch.targets.pipeline.instruction import Instruction

DIVIDE_CYCLES = 8
"""Of 2 to 12, by the operands."""
_BRANCH = 2
"""To fill the pipeline again, beside the branch itself."""
_LOAD = 2


def block_cost(block: Sequence[Instruction]) -> BlockCost:
    """Return what a block costs behind another run of itself."""
    issue = stalls = 0
    for instruction, before in zip(block, (None, *block), strict=False):
        issue += _issue(instruction, before)
        # An address has to be there a cycle before.
        stalls += before is not None and bool(_fresh(before) & instruction.address)
    return BlockCost(float(issue), float(stalls))


def _fresh(instruction: Instruction) -> frozenset[str]:
    """Return what an instruction writes; an address that it steps is there in time."""
    return instruction.writes - instruction.address


def _issue(instruction: Instruction, before: Instruction | None) -> int:
    if instruction.kind == "branch" or instruction.taken:
        return 1 + _BRANCH
    if instruction.kind == "divide":
        return DIVIDE_CYCLES
    if instruction.kind not in ("load", "store"):
        return 1
    if instruction.words > 1:
        return 1 + instruction.words
    if instruction.kind == "store":
        after_load = before is not None and before.kind == "load" and before.words == 1
        return 1 + (len(instruction.address) > 1) - after_load
    pipelined = before is not None and before.kind == "load" and before.words == 1
    if pipelined and before is not None:
        pipelined = not before.address & before.writes & instruction.address
    return 1 if pipelined else _LOAD
