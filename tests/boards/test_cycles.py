"""Cycles of a network, from what QEMU executed."""

from __future__ import annotations

import pytest

import tvm_patch
from tests.unit.codegen.networks import small_network
from tvm_patch import driver


@pytest.mark.parametrize("board", ["qemu_m7", "qemu_m4"])
def test_every_instruction_is_in_the_trace(board, tmp_path):
    """The log has as many instructions of the model as its clock counted, but for the counting itself."""
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
    assert 0.5 < result.cycles / result.instructions < 3


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
