"""The cycle model: what is read of instructions, which pairs issue together, what waits for what."""

from __future__ import annotations

import pytest

from microtvm_project.cycles.instruction import parse
from microtvm_project.cycles.model import DIVIDE_CYCLES, block_cycles
from microtvm_project.cycles.trace import Trace
from tvm_patch.errors import UserError


@pytest.mark.parametrize(
    ("text", "kind", "reads", "writes"),
    [
        ("smlad r4, r2, r12, r4", "mac", "r2 r4 r12", "r4"),
        ("smull r3, r4, r5, r6", "mac", "r5 r6", "r3 r4"),
        ("smlal r3, r4, r5, r6", "mac", "r3 r4 r5 r6", "r3 r4"),
        ("ldrd r10, r11, [r0], #8", "load", "r0", "r0 r10 r11"),
        ("ldm.w r0!, {r4, r5}", "load", "r0", "r0 r4 r5"),
        ("ldr r2, [r1, #4]", "load", "r1", "r2"),
        ("pop {r4, pc}", "load", "sp", "r4 pc sp"),
        ("strb r5, [r2], #1", "store", "r2 r5", "r2"),
        ("push.w {r4, lr}", "store", "r4 lr sp", "sp"),
        ("sxtb16 r12, r10", "simd", "r10", "r12"),
        ("sxtb16 r10, r10, ror #8", "simd", "r10", "r10"),
        ("ssat r4, #8, r4, asr #3", "simd", "r4", "r4"),
        ("add.w r3, r4, r5, asr #10", "shift", "r4 r5", "r3"),
        ("bfi r2, r3, #10, #4", "shift", "r2 r3", "r2"),
        ("adds r0, #1", "alu", "r0", "r0 flags"),
        ("add r0, r1", "alu", "r0 r1", "r0"),
        ("mov r0, r1", "alu", "r1", "r0"),
        ("cmp r1, r2", "alu", "r1 r2", "flags"),
        ("movlt r3, #0", "alu", "r3 flags", "r3"),
        ("bne #0x1234", "branch", "flags", ""),
        ("bl #0x1234", "branch", "", "lr"),
        ("udiv r0, r1, r2", "divide", "r1 r2", "r0"),
        ("it lt", "other", "", ""),
    ],
)
def test_instructions(text, kind, reads, writes):
    found = parse(text)
    assert (found.kind, found.reads, found.writes) == (
        kind,
        frozenset(reads.split()),
        frozenset(writes.split()),
    )


@pytest.mark.parametrize(
    ("lines", "cycles"),
    [
        (["add r0, r1, r2", "add r3, r4, r5"], 1),  # two at a time
        (["add r0, r0, r2", "add r0, r0, r5"], 2),  # each waits for the one before
        (["smlad r0, r1, r2, r0", "smlad r3, r4, r5, r3"], 2),  # one multiplier
        (["smlad r0, r1, r2, r0", "ldr r3, [r4]"], 1),  # a load beside a product
        (["sxtb16 r0, r1", "ubfx r2, r3, #0, #4"], 2),  # one shifter
        (["udiv r0, r1, r2"], DIVIDE_CYCLES),
        (["ldm r0, {r4, r5, r6, r7, r8, r9}"], 3),  # two words a cycle
    ],
)
def test_pairs_on_a_cortex_m7(lines, cycles):
    assert block_cycles(tuple(lines), "cortex-m7") == cycles


def test_a_load_is_waited_for():
    together = ("ldr r2, [r1]", "smlad r4, r2, r5, r4", "smlad r6, r7, r5, r6", "smlad r8, r7, r5, r8")
    apart = ("ldr r2, [r1]", "smlad r6, r7, r5, r6", "smlad r4, r2, r5, r4", "smlad r8, r7, r5, r8")
    assert block_cycles(together, "cortex-m7") > block_cycles(apart, "cortex-m7")


def test_sums_follow_each_other_without_waiting():
    chain = tuple(["smlad r0, r1, r2, r0"] * 4)
    assert block_cycles(chain, "cortex-m7") == 4
    assert block_cycles((*chain, "add r3, r0, r1"), "cortex-m7") > 5


@pytest.mark.parametrize(
    ("lines", "cycles"),
    [
        (["add r0, r1, r2", "add r3, r4, r5"], 2),
        (["smlad r0, r1, r2, r0"], 1),
        (["ldr r0, [r1]"], 2),
        (["ldr r0, [r1]", "ldr r2, [r3]"], 3),  # pipelined
        (["ldrd r0, r2, [r1]"], 3),
        (["str r0, [r1]"], 1),
        (["bne #0x10"], 3),
    ],
)
def test_cortex_m4(lines, cycles):
    assert block_cycles(tuple(lines), "cortex-m4") == cycles


LOG = b"""----------------
IN: kernel
0x00000100:  fb21 4302  smlad    r3, r1, r2, r4
0x00000104:  4770       bx       lr

Trace 0: 0x7f64b8000100 [00800408/00000100/00000110/ff020200] kernel
Trace 0: 0x7f64b8000100 [00800408/00000100/00000110/ff020200] kernel
----------------
IN: hook
0x00000200:  4770       bx       lr

Trace 0: 0x7f64b8000300 [00800408/00000200/00000110/ff020200] hook
Trace 0: 0x7f64b8000100 [00800408/00000100/00000110/ff020200] kernel
"""


def test_the_log_is_counted_by_part():
    trace = Trace("cortex-m4")
    trace.read(LOG.splitlines(keepends=True), [range(0x100, 0x108)], 0x200)
    assert trace.blocks[0x100] == ("smlad r3, r1, r2, r4", "bx lr")
    assert [dict(p) for p in trace.parts] == [{0x100: 2}, {0x100: 1}]
    assert [trace.instructions(p) for p in trace.parts] == [4, 2]
    assert [trace.cycles(p) for p in trace.parts] == [8, 4]


def test_a_core_without_a_model_is_refused():
    with pytest.raises(UserError, match="cycles of cortex-m55 cannot be estimated"):
        block_cycles(("add r0, r1, r2",), "cortex-m55")
