"""What the plugin writes: which blocks were executed in which part, and what caches would fetch."""

from __future__ import annotations

import pytest

from microtvm_project.cycles import Cycles, Trace, add
from microtvm_project.memory_timing import Cache, MemoryTiming, cortex_m7_caches, first_word
from tvm_patch.errors import BoardError

WRITTEN = """B 100 2
smlad r3, r1, r2, r4
bx lr
P 3 2 1 4
C 0 2
P 0 0 0 0
C 0 1
""".splitlines()


def test_blocks_are_counted_by_part():
    trace = Trace("cortex-m4")
    trace.read(WRITTEN)
    assert trace.blocks == [(0x100, ("smlad r3, r1, r2, r4", "bx lr"))]
    assert [p.executions for p in trace.parts] == [{0: 2}, {0: 1}]
    assert [trace.instructions(p) for p in trace.parts] == [4, 2]
    assert [trace.cycles(p).total for p in trace.parts] == [8, 4]


def test_memories_cost_what_the_board_says():
    timing = MemoryTiming(Cache(1, 1, 16), Cache(1, 1, 16), flash_line=10, ram_line=5, unaligned=3.5)
    trace = Trace("cortex-m4", timing)
    trace.read(WRITTEN)
    first, second = (trace.cycles(p) for p in trace.parts)
    assert first == Cycles(issue=8, unaligned=14, fetch=30, flash_data=20, ram_data=5)
    assert add([first, second]) == Cycles(issue=12, unaligned=14, fetch=30, flash_data=20, ram_data=5)


@pytest.mark.parametrize(
    "lines", [["B 100"], ["B 100 2", "bx lr"], ["C 0 1"], ["P 1 2"], ["P x"], ["B 100 1", "nop", "P 1 1 1"]]
)
def test_what_is_no_trace_is_refused(lines):
    with pytest.raises(BoardError, match="cannot be read"):
        Trace("cortex-m4").read(lines)


def test_caches_of_a_cortex_m7():
    instruction, data = cortex_m7_caches(16)
    assert instruction.size == data.size == 16 * 1024
    assert (instruction.ways, data.ways) == (2, 4)


def test_a_line_takes_its_access_and_the_way():
    assert first_word(7) == 10
    assert first_word(4, 2) == 14
