"""SRAM that the user gave is spent on speed, and what that bought is said; the arena is the promised one."""

from __future__ import annotations

from functools import cache

import pytest

import tvm_patch
from microtvm_project.arena_room import BESIDE_ARENA, board_sram, room_of
from microtvm_project.boards import get_board
from tvm_patch import driver
from tvm_patch.planner.choose import Request
from tvm_patch.planner.plan import Plan
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

pytestmark = pytest.mark.slow


@cache
def model() -> bytes:
    return write_model(build("mlperf_ic"))


def planned(**asked) -> Plan:
    return driver.plan(model(), Request(**{"input_mode": "rereadable", **asked}), board="qemu_m4").plan


@cache
def lean() -> Plan:
    return planned(objective="memory", max_overhead=1.05)


def test_memory_stays_lean():
    least = lean()
    assert least.bought is None
    # Even where there is room.
    assert planned(objective="memory", max_overhead=1.05, sram=1 << 20).segments == least.segments
    assert planned(objective="memory", max_overhead=1.05, sram=1 << 20).arena_bytes == least.arena_bytes
    assert planned(max_overhead=1.05).arena_bytes == least.arena_bytes


@pytest.mark.parametrize("more", [0, 300, 1200, 100_000])
def test_room_is_spent(more):
    limit = lean().arena_bytes + more
    plan = planned(sram=limit, max_overhead=1.05)
    assert plan.arena_bytes <= limit
    assert plan.estimated_cycles <= lean().estimated_cycles
    if more >= 1200:
        assert plan.bought.arena_bytes > 0
        assert plan.bought.estimated_cycles > 0.01 * plan.estimated_cycles
        # With much room another way to run the network is faster than the leanest with all that it can use.
        assert plan.estimated_cycles < (0.97 if more < 10_000 else 0.81) * lean().estimated_cycles
    # The compiled bytes are the promised ones, from a saved plan as from the request.
    loaded = Plan.from_json(plan.model_dump_json())
    artifacts = [
        tvm_patch.compile(model(), board="qemu_m4", plan=source)
        for source in (loaded, Request("rereadable", sram=limit, max_overhead=1.05))
    ]
    for artifact in artifacts:
        assert artifact.arena_bytes == plan.arena_bytes
    assert artifacts[0].contents.files == artifacts[1].contents.files
    # Whatever else is preferred.
    for prefer in ("size", "speed"):
        other = tvm_patch.compile(model(), board="qemu_m4", plan=loaded, prefer=prefer)
        assert other.arena_bytes == plan.arena_bytes


def test_without_a_limit():
    """Balanced plans grow while the product of arena and time falls; fast ones while it can be noticed."""
    balanced, fast = planned(), planned(objective="time")
    assert fast.estimated_cycles <= balanced.estimated_cycles
    assert balanced.bought is not None
    before = balanced.arena_bytes - balanced.bought.arena_bytes
    then = balanced.estimated_cycles + balanced.bought.estimated_cycles
    assert balanced.arena_bytes * balanced.estimated_cycles < before * then
    unlimited = planned(sram=1 << 24)
    assert fast.arena_bytes <= unlimited.arena_bytes
    assert fast.estimated_cycles <= unlimited.estimated_cycles * 1.0051


def test_layers_on_a_board():
    """A board's SRAM is room for scratch, the emulator's is not."""
    assert room_of(get_board("qemu_m7")) is None
    assert room_of(get_board("host")) is None
    board = get_board("nucleo_f412zg")
    assert room_of(board) == board_sram(board) == board.memory("SRAM").length - BESIDE_ARENA
    tight = tvm_patch.compile(model(), board="qemu_m4", sram=1)
    usual = tvm_patch.compile(model(), board="qemu_m4")
    wide = tvm_patch.compile(model(), board="nucleo_f412zg")
    assert tight.arena_bytes < usual.arena_bytes <= wide.arena_bytes <= board_sram(board)
    assert tight.metadata.bought is None
    for artifact in (usual, wide):
        assert artifact.metadata.bought.arena_bytes == artifact.arena_bytes - tight.arena_bytes
        assert artifact.metadata.bought.estimated_cycles > 0
    between = (tight.arena_bytes + usual.arena_bytes) // 2
    assert tvm_patch.compile(model(), board="qemu_m4", sram=between).arena_bytes <= between
    assert driver.plan(model(), board="nucleo_f412zg").layer_memory.placement.arena_bytes == wide.arena_bytes
    assert driver.analyse(model(), board="nucleo_f412zg").placement.arena_bytes == wide.arena_bytes


@pytest.mark.parametrize(
    ("board", "silicon", "error"), [("qemu_m4", "nucleo_l4r5zi", 0.05), ("qemu_m7", "nucleo_h743zi", 0.4)]
)
def test_what_was_bought_is_measured(board, silicon, error):
    """Cycles of the core fall by what the plan says; see docs/planner-estimate.md for the M7."""
    asked = {"input_mode": "rereadable", "max_overhead": 1.05}
    least = driver.plan(model(), Request(**asked), board=board).plan
    spent = driver.plan(model(), Request(**asked, sram=least.arena_bytes * 11 // 10), board=board).plan
    assert spent.segments == least.segments
    counts = []
    for plan in (least, spent):
        artifact = tvm_patch.compile(model(), board=board, plan=plan)
        given = driver.random_inputs(artifact, 1, 0)
        result = artifact.run(given, board=board, as_board=silicon, profile=False, cycles=True)
        counts.append(result.cycles.total)
    assert spent.bought.estimated_cycles == pytest.approx(counts[0] - counts[1], rel=error)
