"""Cycles of a network, from what QEMU executed."""

from __future__ import annotations

import pytest

import tvm_patch
from tests.unit.codegen.networks import small_network
from tvm_patch import driver
from tvm_patch.planner.segments import Segment


@pytest.mark.parametrize("board", ["qemu_m7", "qemu_m4"])
def test_every_instruction_is_in_the_trace(board, tmp_path):
    """The trace has as many instructions of the model as its clock counted, but for the counting itself."""
    from microtvm_project.build import build_firmware
    from microtvm_project.cycles import trace_program

    artifact = tvm_patch.compile(small_network(), board=board)
    given = driver.random_inputs(artifact, 1, 0)
    result = artifact.run(given, board=board, cycles=True)
    firmware = build_firmware(artifact.save(tmp_path / "a"), board, tmp_path / "f")
    trace = trace_program(firmware, firmware.elf, given[0], 60)
    (part,) = trace.parts
    assert trace.instructions(part) == pytest.approx(result.instructions, rel=0.02)
    assert trace.cycles(part) == result.cycles
    assert 0.5 < result.cycles.total / result.instructions < 3
    assert result.cycles.fetch == result.cycles.flash_data == result.cycles.ram_data == 0


def test_cycles_are_the_same_every_time():
    artifact = tvm_patch.compile(small_network(), board="qemu_m7")
    given = driver.random_inputs(artifact, 1, 0)
    first, second = (
        artifact.run(given, board="qemu_m7", profile=False, cycles=True).cycles for _ in range(2)
    )
    assert first == second


def test_the_host_has_no_estimate():
    artifact = tvm_patch.compile(small_network())
    assert artifact.run(driver.random_inputs(artifact, 1, 0), cycles=True).cycles is None


def test_memories_are_those_of_the_named_board():
    artifact = tvm_patch.compile(small_network(), board="qemu_m7")
    given = driver.random_inputs(artifact, 1, 0)
    small, large = (
        artifact.run(given, board="qemu_m7", as_board=name, profile=False, cycles=True).cycles
        for name in ("stm32f746g_disco", "nucleo_h7a3zi_q")
    )
    assert (small.issue, small.result_stalls) == (large.issue, large.result_stalls)
    assert small.fetch > 0 < large.fetch
    assert small.flash_data > 0 < large.flash_data


def test_operators_add_up():
    artifact = tvm_patch.compile(small_network(), board="qemu_m7")
    result = artifact.run(driver.random_inputs(artifact, 1, 0), board="qemu_m7", cycles=True)
    assert len(result.operator_cycles) == len(artifact.metadata.operators)
    assert sum(c.total for c in result.operator_cycles) == pytest.approx(result.cycles.total, rel=0.05)


def test_operators_that_take_turns_are_not_told_apart():
    """In a segment of several operators, or in bands, cycles belong to no single one."""
    for segments in ([Segment((0, 1))], [Segment((0,), 2), Segment((1,))]):
        artifact = tvm_patch.compile(
            small_network(),
            board="qemu_m7",
            segments=lambda network, first=segments: [
                *first,
                *(Segment((i,)) for i in range(2, len(network.operators))),
            ],
        )
        result = artifact.run(driver.random_inputs(artifact, 1, 0), board="qemu_m7", cycles=True)
        assert result.operator_cycles is None
        assert result.cycles.total > 0
        assert all(n > 0 for n in result.operator_instructions)
