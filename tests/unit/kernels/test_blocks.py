"""Blocks of channels over tiles of pixels, blocks of columns for all channels: the same bits, in the best order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import batch, geometry, program
from tests.unit.kernels.bands import check_rows
from tvm_patch.kernels.c.blocks import Order, StreamedRow
from tvm_patch.kernels.c.column_order import ColumnOrder
from tvm_patch.kernels.c.conv2d_dot import DotConv2d
from tvm_patch.kernels.c.depthwise_paired import PairedDepthwise
from tvm_patch.kernels.c.row_tiles import batch_row, tile_row
from tvm_patch.targets import DataMemory

F7 = DataMemory(4096, 32, 10.0, 3.0, 65536)
TIGHT = F7.with_ram_of(1000)


def blocked_cases(
    kind: Callable[[np.random.Generator], batch.Case],
    seed: int,
    count: int,
    pixels: int,
    together: int,
    block: int,
    dual: bool,
) -> list[batch.Case]:
    """Return random convolutions whose rows have more than one tile, in batches of `together` pixels."""
    config = {
        "pixels": pixels,
        "group": 2,
        "together": together,
        "block": block,
        "dual": dual,
        "direct": False,
    }
    found = [c for c in geometry.batch_of(kind, seed, 20 * count) if type(c.kernel) is DotConv2d]
    found = [c for c in found if c.op.outputs[0].shape[2] > pixels][:count]
    assert len(found) == count
    for case in found:
        case.kernel = DotConv2d(case.op, config)
    return found


WAYS = [(3, 6, 2), (3, 9, 4), (2, 4, 2), pytest.param(2, 6, 6, marks=pytest.mark.slow), (3, 99, 2)]


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize(("pixels", "together", "block"), WAYS)
@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_same_bits(
    pixels: int, together: int, block: int, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    """Odd numbers of channels and rows that leave one pixel among them; nothing outside the scratch is touched."""
    cases = blocked_cases(geometry.pointwise, 91, 14, pixels, together, block, dual)
    cases += blocked_cases(geometry.conv2d, 92, 14, pixels, together, block, dual)
    assert any(c.op.outputs[0].shape[3] % 2 for c in cases)
    assert any(c.op.outputs[0].shape[2] % together == 1 for c in cases) or together > 90
    batch.check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
def test_bands(machine: program.Machine, tmp_path: Path) -> None:
    """Any range of columns, down to one."""
    cases = blocked_cases(geometry.pointwise, 93, 10, 3, 6, 2, False)
    cases += blocked_cases(geometry.conv2d, 94, 6, 3, 6, 2, False)
    check_rows(cases, 5, tmp_path, machine)


def across_cases(seed: int, count: int, block: int, outputs: int, dual: bool) -> list[batch.Case]:
    """Return random depthwise convolutions that make all channels of a block of columns before the next block."""
    found = [
        c for c in geometry.batch_of(geometry.depthwise, seed, 20 * count) if PairedDepthwise.accepts(c.op)
    ]
    for case in found:
        width = case.op.outputs[0].shape[2]
        config = {"block": min(block, width), "outputs": min(outputs, width), "dual": dual, "across": True}
        case.kernel = PairedDepthwise(case.op, config)
    found = [c for c in found if c.kernel.tile(c.kernel.config["outputs"], whole=False).fits][:count]
    assert len(found) == count
    return found


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize(
    ("block", "outputs"), [(1, 1), (2, 2), (4, 2), pytest.param(6, 3, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_depthwise_same_bits(
    block: int, outputs: int, dual: bool, machine: program.Machine, tmp_path: Path
) -> None:
    """Blocks that divide rows, and such that leave fewer outputs than a tile has."""
    cases = across_cases(95, 18, block, outputs, dual)
    assert block < 3 or any(0 < c.op.outputs[0].shape[2] % block < outputs for c in cases)
    batch.check(cases, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
def test_depthwise_bands(machine: program.Machine, tmp_path: Path) -> None:
    check_rows(across_cases(96, 10, 4, 2, False), 6, tmp_path, machine)


@pytest.mark.parametrize("most", [2, 3])
def test_batches_cover_a_row(most):
    for width in range(1, 40):
        for together in range(2 * most, 20, most):
            tile = min(most, width)
            done = []
            for pixels, first, count in batch_row(width, together):
                assert 0 < pixels <= together
                for batch_ in range(count):
                    for n, start, repeats in tile_row(pixels, tile):
                        begin = first + batch_ * pixels + start
                        done += range(begin, begin + n * repeats)
            assert done == list(range(width)), (width, together)


def row(group_bytes=136, groups=32, tile_bytes=384, tiles=8, beside_bytes=384):
    return StreamedRow(group_bytes, groups, tile_bytes, tiles, beside_bytes)


def test_what_fits_the_cache_is_left_as_it_is():
    assert row(groups=20).best(8, TIGHT) == row(groups=20).one_by_one
    assert row().best(1, TIGHT) == row().one_by_one


def test_a_large_stream_is_cut_in_blocks_that_stay():
    order = row().best(8, TIGHT)
    assert order == Order(8, 16)
    assert row().waits(order, TIGHT) < row().waits(row().one_by_one, TIGHT) / 3


def test_ram_behind_the_cache_takes_its_part_of_it():
    order = row().best(8, F7)
    assert order.tiles > 1
    assert order.groups * 136 + 2 * 384 + 384 <= 4096 * 7 / 8


def test_tiles_as_large_as_the_cache_are_taken_one_by_one():
    large = row(tile_bytes=3456, group_bytes=1184)
    assert large.best(8, F7) == large.one_by_one
    assert large.best(8, TIGHT).tiles == 8


def test_calls_cost_more_than_a_cache_of_a_few_lines_saves():
    art = DataMemory(256, 32, 5.0, 0.0)
    for groups in (4, 32, 256):
        assert row(groups=groups).best(40, art) == row(groups=groups).one_by_one


H7 = DataMemory(16384, 32, 14.0, 6.0, 131072)
WIDE = ColumnOrder(7, 7, 2, 1, channels=24, width=44, stream_bytes=1440, outputs=5)


def test_rows_larger_than_the_cache_are_cut_in_columns():
    best = WIDE.best(22, 44, H7)
    assert best is not None
    assert best % WIDE.outputs == 0
    assert WIDE.best(22, 4, H7) is None, "no scratch"


def test_rows_that_stay_are_taken_channel_by_channel():
    row = ColumnOrder(3, 3, 2, 1, channels=32, width=40, stream_bytes=640, outputs=6)
    assert row.best(40, 40, H7) is None
    assert row.best(40, 40, F7) is not None


def test_only_ram_behind_a_cache_asks_for_columns_first():
    taken = [c.op for c in geometry.batch_of(geometry.depthwise, 97, 40) if PairedDepthwise.accepts(c.op)]
    assert taken
    for op in taken:
        kernel = PairedDepthwise(op)
        assert kernel.blocked(10_000, TIGHT, alone=True) is kernel
