"""A composite laid out: what it keeps, what it computes again, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.planner.networks import Builder, TurningShapes
from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.composite_chain import describe_composite
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_window import RowWindow


def bottleneck(height: int = 16, stride: int = 1, kernel: int = 3) -> Network:
    """Return an inverted bottleneck: 4 channels, 24 between, 4 again, and a residual where it has one."""
    b = Builder(height, 20, 4)
    wide = b.conv("in", 1, 1, 24)
    deep = b.conv(wide, kernel, stride, 24)
    out = b.conv(deep, 1, 1, 4)
    end = b.sum(out, "in") if stride == 1 else out
    network = b.network(end)
    return replace(network, shapes=TurningShapes(network.operators))


@pytest.mark.parametrize(
    ("stride", "kernel", "rows"), [(1, 3, 4), (1, 5, 2), (2, 3, 4), (2, 7, 3), (1, 3, 1)]
)
def test_the_expansion_is_made_again_at_the_borders_of_stripes_only(stride, kernel, rows):
    network = bottleneck(24, stride, kernel)
    desc = describe_composite(network, Composite((0, 1, 2), rows))
    layout = desc.laid_out
    reach = (rows - 1) * stride + kernel
    assert layout.pixels["t0"].size == reach
    runs = -(-network.tensors["t1"].shape[1] // rows)
    # Every column that the depthwise convolution reads is made once a run.
    expand, _, project = (op.macs for op in network.operators[:3])
    columns = (network.tensors["t1"].shape[2] - 1) * stride + kernel - kernel // 2
    made = min(20, columns)
    per_pixel = expand // (24 * 20)
    assert layout.runs == runs
    macs = layout.macs(0, network.tensors["t1"].shape[2])
    assert macs * runs == (
        per_pixel * runs * made * reach
        + (network.operators[1].macs + project) * runs * rows // (24 // stride)
    )
    assert desc.macs == macs * runs


@pytest.mark.parametrize(
    ("stride", "kernel", "rows"), [(1, 3, 4), (1, 5, 2), (2, 3, 4), (2, 7, 3), (1, 3, 1)]
)
def test_rows_that_are_kept_are_made_once(stride, kernel, rows):
    network = bottleneck(24, stride, kernel)
    layout = describe_composite(network, Composite((0, 1, 2), rows, keeps=True)).laid_out
    kept = layout.kept["t0"]
    assert list(layout.kept) == ["t0"]
    assert (kept.rows, kept.new) == (kernel - stride, rows * stride)
    # The first run makes what lies inside the tensor, in calls of as many rows as the others make.
    above = layout.pixels["t0"].first
    assert above < 0
    assert (kept.begin, kept.calls) == (-above, -(-layout.pixels["t0"].end // kept.new))
    expand, depthwise, project = (op.macs for op in network.operators[:3])
    width = network.tensors["t1"].shape[2]
    made = min(20, (width - 1) * stride + kernel - kernel // 2)
    a_row = expand // (24 * 20) * made
    rest = (depthwise + project) * layout.runs * rows // (24 // stride)
    assert layout.macs(0, width) * layout.runs == a_row * kept.new * layout.runs + rest
    assert layout.first_macs(0, width) == a_row * kept.new * (kept.calls - 1)


def test_rows_that_are_kept_take_the_place_of_longer_rings():
    network = bottleneck()
    plain = layout_rows(network, range(4))
    keeping = layout_rows(network, range(4), 2, composites=[Composite((0, 1, 2), 1, keeps=True)])
    (store,) = keeping.stores.values()
    # Two rows of the expanded tensor in place of the three that its reader sees and one that it makes.
    assert (store.rows, store.span.widest, store.pixel_bytes) == (2, 11, 24)
    assert store.nbytes == 2 * 11 * 24
    whole = layout_rows(network, range(4), composites=[Composite((0, 1, 2), 1, keeps=True)])
    assert whole.scratch_bytes < plain.scratch_bytes * 0.7
    assert whole.macs_executed(network) < plain.macs_executed(network) * 1.06
    again = layout_rows(network, range(4), composites=[Composite((0, 1, 2), 1)])
    assert whole.macs_executed(network) < again.macs_executed(network)


def test_what_no_run_needs_again_is_not_kept():
    network = bottleneck(kernel=1)
    with pytest.raises(PlanError, match="nothing to keep"):
        layout_rows(network, range(4), composites=[Composite((0, 1, 2), 2, keeps=True)])


def test_columns_wait_as_long_as_the_window_is_wide():
    layout = describe_composite(bottleneck(kernel=5), Composite((0, 1, 2), 4)).laid_out
    assert layout.buffers["t0"].slots == 5
    assert layout.buffers["t0"].top == 2
    assert layout.buffers["in"].slots == layout.buffers["t1"].slots == 1
    assert layout.buffers["t0"].nbytes == 5 * 8 * 24


def test_it_needs_less_than_rows_that_wait():
    network = bottleneck()
    plain = layout_rows(network, range(4))
    composite = layout_rows(network, range(4), composites=[Composite((0, 1, 2), 2)])
    assert composite.scratch_bytes < plain.scratch_bytes / 2
    assert composite.macs_executed(network) > plain.macs_executed(network)


def test_the_residual_may_be_inside():
    network = bottleneck()
    layout = layout_rows(network, range(4), composites=[Composite((0, 1, 2, 3), 4)])
    assert [e.kind for e in layout.elements] == ["composite"]
    assert layout.elements[0].inputs == ("in",)
    assert not layout.buffers  # it reads and writes whole tensors


@pytest.mark.parametrize(
    ("composite", "message"),
    [
        (Composite((), 2), "two operators at least"),
        (Composite((1,), 2), "two operators at least"),
        (Composite((0, 2), 2), "not neighbours in the segment"),
        (Composite((0, 1, 2), 17), "17 rows at once do not fit the 16"),
        (Composite((0, 1, 2), 0), "0 rows at once do not fit"),
    ],
)
def test_what_is_no_composite_is_refused(composite, message):
    with pytest.raises(PlanError, match=message):
        layout_rows(bottleneck(), range(4), composites=[composite])


def test_two_composites_share_no_operator():
    with pytest.raises(PlanError, match="an operator is in two of them"):
        layout_rows(bottleneck(), range(4), composites=[Composite((0, 1), 2), Composite((1, 2), 2)])


def test_what_others_read_is_no_inner_tensor():
    b = Builder(16, 20, 4)
    wide = b.conv("in", 1, 1, 24)
    end = b.sum(b.conv(b.conv(wide, 3, 1, 24), 1, 1, 24), wide)
    network = b.network(end)
    network = replace(network, shapes=TurningShapes(network.operators))
    with pytest.raises(PlanError, match="tensor t0 is needed outside of the composite"):
        layout_rows(network, range(4), composites=[Composite((0, 1, 2), 2)])


@pytest.mark.parametrize("keeps", [False, True])
def test_what_repeats_for_every_row_is_not_made_inside(keeps):
    """A tensor of one pixel, in a network whose rows have one pixel, is a row for all rows."""
    b = Builder(4, 1, 8)
    factor = b.conv(b.pool("in"), 1, 1, 8)
    row = RowWindow(stride=0)
    b.add("mul", ("in", factor), (1, 4, 1, 8), rows=(RowWindow(), row), elementwise=True)
    end = b.conv("t2", 1, 1, 8)
    network = b.network(end)
    network = replace(network, shapes=TurningShapes(network.operators))
    with pytest.raises(PlanError, match="tensor t1 is broadcast: it must be whole before its reader runs"):
        describe_composite(network, Composite((1, 2, 3), 1, keeps))


def test_a_network_that_cannot_turn_has_none():
    network = replace(bottleneck(), shapes=None)
    with pytest.raises(PlanError, match="cannot run column by column"):
        layout_rows(network, range(4), composites=[Composite((0, 1, 2), 2)])
