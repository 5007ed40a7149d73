"""The models of pipelines: what is read of instructions, which pairs issue together, what waits for what."""

from __future__ import annotations

import pytest

from tvm_patch.errors import UserError
from tvm_patch.targets.pipeline import block_cost
from tvm_patch.targets.pipeline.cortex_m7 import DIVIDE_CYCLES, DualIssue, latency, may_pair
from tvm_patch.targets.pipeline.instruction import parse, parse_block


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
        ("add.w r3, r4, r5, asr #10", "inline", "r4 r5", "r3"),
        ("bfi r2, r3, #10, #4", "simd", "r2 r3", "r2"),
        ("adds r0, #1", "alu", "r0", "r0 flags"),
        ("add r0, r1", "alu", "r0 r1", "r0"),
        ("mov r0, r1", "alu", "r1", "r0"),
        ("cmp r1, r2", "alu", "r1 r2", "flags"),
        ("movlt r3, #0", "alu", "r3 flags", "r3"),
        ("bne #0x1234", "branch", "flags", ""),
        ("bl #0x1234", "branch", "", "lr"),
        ("udiv r0, r1, r2", "divide", "r1 r2", "r0"),
        ("it lt", "it", "", ""),
        ("vldr s14, [r7]", "load", "r7", "s14"),
        ("vmul.f32 s15, s15, s14", "float", "s14 s15", "s15"),
        ("vfma.f32 s1, s2, s3", "float", "s1 s2 s3", "s1"),
        ("vmov r2, s15", "vmov", "s15", "r2"),
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
    assert block_cost(tuple(lines), "cortex-m7").cycles == cycles


def test_a_load_is_waited_for():
    together = ("ldr r2, [r1]", "smlad r4, r2, r5, r4", "smlad r6, r7, r5, r6", "smlad r8, r7, r5, r8")
    apart = ("ldr r2, [r1]", "smlad r6, r7, r5, r6", "smlad r4, r2, r5, r4", "smlad r8, r7, r5, r8")
    assert block_cost(together, "cortex-m7").cycles > block_cost(apart, "cortex-m7").cycles


def test_sums_follow_each_other_without_waiting():
    chain = tuple(["smlad r0, r1, r2, r0"] * 4)
    assert block_cost(chain, "cortex-m7").cycles == 4
    assert block_cost((*chain, "add r3, r0, r1"), "cortex-m7").cycles > 4


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
    assert block_cost(tuple(lines), "cortex-m4").cycles == cycles


def test_a_core_without_a_model_is_refused():
    with pytest.raises(UserError, match="cycles of cortex-m55 cannot be estimated"):
        block_cost(("add r0, r1, r2",), "cortex-m55")


@pytest.mark.parametrize(
    ("older", "younger", "together"),
    [
        ("smlad r4, r2, r12, r4", "ldr r3, [r1, #4]", True),
        ("sxtb16 r12, r10", "smlad r4, r2, r3, r4", True),
        ("smlad r4, r2, r3, r4", "sxtb16 r12, r10", False),  # extractions are the older ones
        ("sxtb16 r12, r10", "sxtb16 r11, r9", False),
        ("smlad r4, r2, r3, r4", "smlad r5, r2, r3, r5", False),
        ("smlad r4, r2, r3, r4", "str r5, [r1]", False),
        ("str r4, [r1]", "smlad r5, r2, r3, r5", False),
        ("ldrd r2, r3, [r1]", "add r4, r5, r6", False),
        ("ldr r2, [r1]", "ldr r3, [r1, #4]", True),  # an even and an odd word
        ("ldr r2, [r1]", "ldr r3, [r1, #8]", False),
        ("ldr r2, [r1], #4", "ldr r3, [r1, #4]", False),  # the address is written
        ("add r2, r3, r4, asr #2", "add r5, r6, r7, asr #2", False),
        ("add r2, r3, r4, asr #2", "add r5, r6, r7", True),
        ("ssat r4, #8, r4, asr #3", "smmlar r5, r5, r11, r10", True),
        ("ssat r4, #8, r4, asr #3", "strb r4, [r2]", True),  # what is stored may be new
        ("mov r4, #0", "smlad r4, r2, r3, r4", True),  # as may a sum
        ("mov r2, #0", "smlad r4, r2, r3, r4", True),
        ("eor r2, r3, r5", "smlad r4, r2, r3, r4", False),
        ("cmp r2, #0", "it lt", True),
        ("it lt", "mov r2, r3", True),
        ("subs r2, #1", "bne #0x10", True),
        ("adds r2, #1", "adds r3, #1", True),  # both set flags
        ("lsls r2, r3, #1", "add r4, r2, r5", True),
        ("ldr r2, [sp, #8]", "ldr r3, [sp, #0x10]", False),
        ("vmul.f32 s1, s2, s3", "vmul.f32 s4, s5, s6", False),
    ],
)
def test_what_goes_beside_what_on_a_cortex_m7(older, younger, together):
    assert may_pair(parse(older), parse(younger)) is together


@pytest.mark.parametrize(
    ("writer", "reader", "cycles"),
    [
        ("ldr r2, [r1]", "add r3, r2, r4", 1),
        ("ldr r2, [r1]", "add r3, r4, r2, asr #1", 2),
        ("ldr r2, [r1]", "smlad r4, r2, r3, r4", 2),
        ("ldr r4, [r1]", "smlad r4, r2, r3, r4", 1),
        ("ldr r2, [r1]", "sxtb16 r3, r2", 2),
        ("ldrb r2, [r1]", "add r3, r2, r4", 2),
        ("ldrsb r2, [r1]", "smlad r4, r2, r3, r4", 2),  # in the second cycle, as for others
        ("ldrsb r2, [r1]", "sxtb16 r3, r2", 3),
        ("ldr r4, [r1]", "add r3, r4, r2, asr #1", 2),  # the operand that is not shifted waits as well
        ("ldrb r4, [r1]", "strb r4, [r2]", 1),
        ("subs r2, #1", "bne #0x10", 0),  # predicted
        ("adds r2, #1", "ldr r4, [r2]", 1),  # the early ALU, though it sets flags
        ("lsl r2, r3, #2", "ldr r4, [r2]", 1),
        ("eor r2, r3, r5", "ldr r4, [r2]", 2),
        ("bfi r2, r3, #8, #8", "bfi r2, r4, #16, #8", 1),  # only what is inserted is needed early
        ("bfi r2, r3, #8, #8", "bfi r5, r2, #16, #8", 2),
        ("vcvt.f32.s32 s15, s14", "vmul.f32 s15, s15, s13", 3),
        ("vmov s15, r2", "vcvt.f32.s32 s15, s15", 3),
        ("vmov r2, s15", "add r2, r3", 1),
        ("smlad r4, r2, r3, r4", "smlad r4, r5, r6, r4", 1),
        ("smlad r4, r2, r3, r4", "add r5, r4, r6", 2),
        ("smmlar r4, r4, r2, r3", "ssat r4, #8, r4, asr #3", 3),
        ("sxtb16 r2, r3", "smlad r4, r2, r3, r4", 1),
        ("sxtb16 r2, r3", "ldr r4, [r2]", 2),
        ("add r2, r3", "ldr r4, [r2]", 1),
        ("ldr r4, [r2], #4", "ldr r5, [r2]", 1),
        ("add r2, r3", "add r5, r6, r7", 0),
    ],
)
def test_how_long_results_take_on_a_cortex_m7(writer, reader, cycles):
    assert latency(parse(writer), parse(reader)) == cycles


def test_what_misses_the_early_alu_is_late():
    """A sum of what has just been loaded is no sooner there for an address than another operation's result."""
    loaded = ["ldr r2, [r1]", "add r2, r3", "ldr r4, [r2]"]
    there = ["ldr r5, [r1]", "add r2, r3", "ldr r4, [r2]"]
    assert _cycles(loaded) == [1, 2, 4]
    assert _cycles(there) == [1, 1, 2]


def _cycles(lines):
    core = DualIssue()
    return [core.issue(parse(line)) for line in lines]


def test_what_an_it_makes_conditional_sets_no_flags():
    block = parse_block(["it lt", "adds r3, #1", "adds r4, #1"])
    assert [i.writes for i in block] == [frozenset(), {"r3"}, {"r4", "flags"}]
    assert "r5" in parse_block(["it ge", "mov r5, r1"])[1].reads
    assert parse_block(["itt ge", "cmp r1, r2", "mov r5, r1"])[1].writes == {"flags"}


def test_issue_and_stalls_are_told_apart():
    cost = block_cost(("ldr r2, [r1]", "smlad r4, r2, r5, r4"), "cortex-m7")
    assert cost.issue == 1
    assert cost.cycles == cost.issue + cost.result_stalls


def test_an_address_is_wanted_early_on_a_cortex_m4():
    assert block_cost(("add r1, r2", "ldr r0, [r1]"), "cortex-m4") == (3, 1)
    assert block_cost(("ldr r0, [r1], #4", "ldr r2, [r1], #4"), "cortex-m4") == (4, 0)
    assert block_cost(("ldr r0, [r1], #4", "ldr r2, [r3], #4"), "cortex-m4") == (3, 0)
