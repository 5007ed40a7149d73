"""Winograd's kernel: generated C against the numpy reference, difference 0, and when it is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.kernels import batch, geometry, winograd_cases
from tests.unit.kernels.bands import check_rows
from tests.unit.kernels.program import MACHINES, Machine
from tvm_patch.kernels.c.arm.winograd_dot import WinogradTile
from tvm_patch.kernels.c.arm.winograd_inputs import winograd_inputs
from tvm_patch.kernels.c.conv2d_winograd import blocks_of

TILES = [1, 2, 3, 4]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("tiles", TILES)
@pytest.mark.parametrize("dual", [False, True])
def test_same_bits(tiles: int, dual: bool, machine: Machine, tmp_path: Path) -> None:
    """Any number of tiles; weights and zero points at both ends, one column to many, one channel left over."""
    if machine == "host" and dual:
        pytest.skip("the portable body is the same")
    batch.check(winograd_cases.cases_of(61 + tiles, 24, tiles=tiles, dual=dual), tmp_path, machine)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("tiles", TILES)
@pytest.mark.parametrize("dual", [False, True])
def test_any_columns(tiles: int, dual: bool, machine: Machine, tmp_path: Path) -> None:
    """Ranges of columns down to a single one, of which nothing beyond the last one's inputs is read."""
    if machine == "host" and dual:
        pytest.skip("the portable body is the same")
    check_rows(winograd_cases.cases_of(71 + tiles, 16, tiles=tiles, dual=dual), 4, tmp_path, machine)


@pytest.mark.parametrize("most", TILES)
def test_blocks_cover_a_row(most: int) -> None:
    for tiles in range(1, 30):
        made = [
            first + size * i + t
            for size, first, count in blocks_of(tiles, most)
            for i in range(count)
            for t in range(size)
        ]
        assert made == list(range(tiles))
        assert all(size <= most for size, _, _ in blocks_of(tiles, most))
