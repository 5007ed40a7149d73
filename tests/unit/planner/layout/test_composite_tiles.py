"""A composite in tiles: every row and column is made once a run, rows that are kept stand beside one tile."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.unit.planner.layout.test_composite import bottleneck
from tests.unit.planner.networks import Builder, TurningShapes, random_network
from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.composite_chain import Chain, describe_composite
from tvm_patch.planner.layout.composite_tiles import TiledLayout
from tvm_patch.planner.layout.rows_builder import layout_rows


def tiled(network, composite: Composite) -> TiledLayout:
    layout = describe_composite(network, composite).laid_out
    assert isinstance(layout, TiledLayout)
    return layout


def rows_of_runs(layout: TiledLayout, tensor: str) -> int:
    """Count the rows of a tensor that the runs make, run by run."""
    reached, height, made = layout.pixels[tensor], layout.heights[tensor], 0
    for run in range(layout.runs):
        first = run * layout.rows * reached.stride + reached.first
        again = layout.kept[tensor].rows if run and tensor in layout.kept else 0
        made += sum(0 <= row < height for row in range(first + again, first + reached.size))
    return made


@pytest.mark.parametrize(
    ("stride", "kernel", "rows"), [(1, 3, 1), (1, 5, 2), (2, 3, 1), (2, 7, 3), (1, 7, 1)]
)
def test_a_tile_has_what_the_next_one_needs_again_and_what_is_new(stride, kernel, rows):
    layout = tiled(bottleneck(24, stride, kernel), Composite((0, 1, 2), rows, True, 4))
    wide, deep = layout.buffers["t0"], layout.buffers["t1"]
    assert (wide.slots, wide.span.widest) == (rows * stride, kernel - stride + 4 * stride)
    assert (deep.slots, deep.span.widest) == (rows, 4)
    # What comes from outside is read where it lies, what is made is written where it belongs.
    assert set(layout.buffers) == {"t0", "t1"}
    assert layout.out_bytes == 0


@pytest.mark.parametrize(
    ("stride", "kernel", "rows"), [(1, 3, 1), (1, 5, 2), (2, 3, 1), (2, 7, 3), (1, 7, 5)]
)
def test_rows_that_are_kept_are_made_once(stride, kernel, rows):
    network = bottleneck(24, stride, kernel)
    layout = tiled(network, Composite((0, 1, 2), rows, True, 4))
    width = network.tensors["t1"].shape[2]
    made = layout.macs(0, width) * layout.runs + layout.first_macs(0, width)
    # All rows of the network's tensors, though not the columns that no window reaches.
    assert layout.rows_made("t0") <= 24
    assert layout.rows_made("t1") == network.tensors["t1"].shape[1]
    assert made <= sum(op.macs for op in network.operators[:3])
    again = tiled(network, Composite((0, 1, 2), rows, False, 4))
    assert again.rows_made("t0") > layout.rows_made("t0")


def test_kept_rows_have_their_padding_which_rows_share():
    network = bottleneck()
    laid_out = layout_rows(network, range(4), composites=[Composite((0, 1, 2), 1, True, 4)])
    (store,) = laid_out.stores.values()
    assert (store.rows, store.span.first, store.span.end, store.shared) == (2, (-1,), (21,), 1)
    assert store.nbytes == (2 * 21 + 1) * 24
    assert laid_out.macs_executed(network) == sum(op.macs for op in network.operators)


def test_one_row_in_tiles_needs_less_than_column_after_column():
    network = bottleneck(kernel=7)
    columns, tiles = (
        layout_rows(network, range(4), composites=[Composite((0, 1, 2), 1, True, n)]) for n in (0, 4)
    )
    plain = layout_rows(network, range(4))
    assert tiles.scratch_bytes < columns.scratch_bytes < plain.scratch_bytes


def test_tiles_make_every_column_once_and_hold_what_windows_see():
    compared = 0
    for seed in range(80):
        network, draw = random_network(seed, 10), random.Random(seed)
        network = replace(network, shapes=TurningShapes(network.operators))
        for end in range(2, len(network.operators) + 1):
            for first in range(max(0, end - 5), end - 1):
                try:
                    chain = Chain(network, range(first, end))
                    width = chain.sink.shape[2]
                    layout = chain.of_rows(1, False, draw.randint(1, width)).laid_out
                    low, high = sorted(draw.sample(range(width + 1), 2))
                    columns = layout.columns(low, high)
                except PlanError:
                    continue
                assert isinstance(layout, TiledLayout)
                ways = [layout]
                with suppress(PlanError):
                    ways.append(chain.of_rows(draw.randint(1, chain.sink.shape[1]), True, 1).laid_out)
                for some in ways:
                    for tensor in (op.outputs[0] for op in some.unturned):
                        assert some.rows_made(tensor) == rows_of_runs(some, tensor)
                for tensor, buffer in layout.buffers.items():
                    new, across = layout.new_columns(tensor, low, high), layout.across[tensor]
                    assert sum(new) == columns[tensor].width
                    made = columns[tensor].first
                    for tile, count in enumerate(new):
                        made += count
                        begin = (low + tile * layout.tile) * across.stride + across.first
                        assert made - begin <= buffer.span.widest
                compared += 1
    assert compared > 100


def test_what_is_read_with_padding_from_outside_goes_column_by_column():
    b = Builder(16, 20, 24)
    network = b.network(b.conv(b.conv("in", 3, 1, 24), 1, 1, 4))
    network = replace(network, shapes=TurningShapes(network.operators))
    describe_composite(network, Composite((0, 1), 2))
    with pytest.raises(
        PlanError, match=r"operator 0 .* reads in with padding, from outside .* \(columns: 0\)"
    ):
        describe_composite(network, Composite((0, 1), 2, False, 4))


def test_a_tile_is_no_wider_than_the_output():
    with pytest.raises(PlanError, match="21 columns at once do not fit the 20 of t2"):
        describe_composite(bottleneck(), Composite((0, 1, 2), 1, True, 21))
