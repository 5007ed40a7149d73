"""Weights that lie in RAM: the same bits, and nothing waits for flash."""

from __future__ import annotations

import numpy as np
import pytest

import tvm_patch
from tests.unit.codegen.networks import small_network
from tvm_patch import driver


@pytest.mark.parametrize(
    ("board", "stands_for"), [("qemu_m4", "nucleo_l4r5zi"), ("qemu_m7", "stm32f746g_disco")]
)
def test_same_bits_and_less_waiting(board, stands_for):
    plain, moved = (
        tvm_patch.compile(small_network(), board=stands_for, weights_in_ram=where)
        for where in ("none", "auto")
    )
    given = driver.random_inputs(plain, 2, 0)
    before, after = (
        artifact.run(given, board=board, as_board=stands_for, profile=False, cycles=True)
        for artifact in (plain, moved)
    )
    for one, other in zip(before.outputs, after.outputs, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    size = moved.metadata.ram_constant_bytes
    assert size > 0
    assert after.static_bytes == before.static_bytes + size
    assert after.sram_bytes >= before.sram_bytes + size
    assert after.cycles.flash_data < before.cycles.flash_data / 2
    assert after.cycles.ram_data == before.cycles.ram_data == 0
