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
    """Once, except for the last tile where a block of a single one would be left over."""
    for tiles in range(1, 30):
        blocks = list(blocks_of(tiles, most))
        made = [
            first + size * i + t for size, first, count in blocks for i in range(count) for t in range(size)
        ]
        assert made in (list(range(tiles)), list(range(tiles + 1)))
        sizes = {size for size, _, _ in blocks}
        assert max(sizes) <= most
        assert 1 not in sizes or sizes == {1}
