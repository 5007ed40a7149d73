"""Segments: rows waiting, columns of bands, and how far the output may lie over a dying input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.planner.networks import Builder, described
from tvm_patch.errors import PlanError
from tvm_patch.graph import Tensor
from tvm_patch.planner.layout.rows_builder import layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.segments import Segment, kept_tensors


def conv(size: int, stride: int = 1) -> RowWindow:
    """SAME-like padding of a square kernel."""
    pad = size // 2
    return RowWindow(size, stride, 1, pad, pad, pad, 0, stride, size)


def chain(windows: list[RowWindow], height: int, width: int, channels: list[int]) -> Network:
    """Operators one after another."""
    tensors = {"t0": Tensor("t0", (1, height, width, channels[0]))}
    operators = []
    for i, (window, count) in enumerate(zip(windows, channels[1:], strict=True)):
        _, h, w, _ = tensors[f"t{i}"].shape
        if window.inside:
            h = ((h + window.pad_before) * window.divisor - window.phase - 1) // window.stride + 1
        else:
            h = (h + 2 * window.pad_before - window.reach) // window.stride + 1
        w = (
            w + window.columns_before + window.columns_after - window.column_reach
        ) // window.column_stride + 1
        tensors[f"t{i + 1}"] = Tensor(f"t{i + 1}", (1, h, w, count))
        macs = h * w * count * channels[i] * window.size * window.column_reach
        operators.append(
            described(
                i, f"op{i}", "conv2d", (tensors[f"t{i}"],), (tensors[f"t{i + 1}"],), macs=macs, rows=(window,)
            )
        )
    return Network.of("chain", operators, [tensors["t0"]], [tensors[f"t{len(windows)}"]])


def residual(kernel: int, height: int, width: int, channels: int) -> Network:
    """expand -> depthwise -> project -> add."""
    names = ("t", "e", "d", "p", "out")
    counts = (channels, 6 * channels, 6 * channels, channels, channels)
    t, e, d, p, out = (Tensor(n, (1, height, width, c)) for n, c in zip(names, counts, strict=True))
    ops = (
        described(0, "expand", "conv2d", (t,), (e,), rows=(RowWindow(),)),
        described(1, "depthwise", "depthwise_conv2d", (e,), (d,), rows=(conv(kernel),)),
        described(2, "project", "conv2d", (d,), (p,), rows=(RowWindow(),)),
        described(3, "add", "add", (t, p), (out,), rows=(RowWindow(), RowWindow()), elementwise=True),
    )
    return Network.of("residual", ops, [t], [out])


def test_residual_block_keeps_k_rows_of_the_wide_tensor():
    layout = layout_rows(residual(5, 12, 10, 8), range(4))
    assert layout.buffers["e"].slots == 5
    assert layout.buffers["d"].slots == layout.buffers["p"].slots == 1
    assert "t" not in layout.buffers, "the stored input is read in place"


def test_residual_block_runs_over_its_own_input():
    network = residual(3, 12, 10, 8)
    assert layout_rows(network, range(4)).input_distance == {"t": 0}


def test_fetched_input_waits_for_the_addition():
    """Rows of the skip that are not stored wait until the branch has caught up: half the window."""
    layout = layout_rows(residual(5, 12, 10, 8), range(4), fetched={"t"})
    assert layout.buffers["t"].slots == 3


def test_one_band_computes_nothing_twice():
    network = chain([conv(3), conv(5, 2), conv(3)], 17, 13, [3, 4, 5, 6])
    assert layout_rows(network, range(3)).macs_executed(network) == sum(o.macs for o in network.operators)


def test_bands_compute_their_halo_twice():
    network = chain([conv(3), conv(3)], 16, 16, [3, 4, 5])
    layout = layout_rows(network, range(2), bands=4)
    assert layout.spans[0].first == (0, 3, 7, 11)
    assert layout.spans[0].end == (5, 9, 13, 16)
    assert layout.spans[1].total == 16


@pytest.mark.parametrize("inner", [False, True])
def test_bands_that_would_see_only_padding_are_refused(inner):
    """Three columns of padding on the left of a window of one: the first two of five bands see nothing else."""
    lopsided = RowWindow(3, 1, 1, 1, 3, 0, 0, 1, 1)
    network = chain([RowWindow(), lopsided] if inner else [lopsided], 8, 7, [2, 3, 4][: 2 + inner])
    assert network.tensors[network.outputs[0]].shape[2] == 10
    layout_rows(network, range(1 + inner), bands=2)
    with pytest.raises(PlanError, match="no more than the padding of tensor t"):
        layout_rows(network, range(1 + inner), bands=5)


def test_rows_that_cannot_be_cut_are_whole_whoever_reads_fewer_columns():
    """A reader of every other column leaves the last of ten out; a resize makes it all the same."""
    b = Builder(6, 5, 2)
    wide = b.resized("in", 12, 2, 2, 9)
    b.add("conv2d", (wide,), (1, 6, 5, 3), rows=(RowWindow(stride=2, column_stride=2),))
    layout = layout_rows(b.network("t1"), range(2), fetched={"in"})
    assert (layout.spans[0].first, layout.spans[0].end) == ((0,), (10,))
    assert layout.buffers[wide].span.widest == 10
    assert layout.buffers["in"].slots == 2
    with pytest.raises(PlanError, match="cannot be cut into bands"):
        layout_rows(b.network("t1"), range(2), bands=2)


def test_a_tensor_that_grows_waits_no_longer_than_its_readers_need():
    """A row of the input makes four of the output, one after the other: no more than the window waits."""
    b = Builder(6, 5, 2)
    wide = b.resized("in", 24, 1, 1, 0)
    small = b.conv(wide, 3, 1, 4)
    layout = layout_rows(b.network(small), range(2), fetched={"in"})
    assert layout.buffers["in"].slots == 1
    assert layout.buffers[wide].slots == 3
    assert layout.counts.made == (24, 24)


def test_operators_that_lead_nowhere_are_refused():
    network = residual(3, 8, 8, 4)
    with pytest.raises(PlanError, match="leads nowhere"):
        layout_rows(network, (0, 3))


def test_reading_what_nobody_stored_is_refused():
    network = chain([conv(3), conv(3)], 8, 8, [1, 2, 3])
    with pytest.raises(PlanError, match="no segment before makes it"):
        kept_tensors(network, [Segment((1,)), Segment((0,))])


windows = st.builds(
    lambda size, stride, pad: RowWindow(size, stride, 1, pad, pad, pad, 0, stride, size),
    st.integers(1, 5), st.integers(1, 3), st.integers(0, 2),
)  # fmt: skip
resizes = st.builds(
    lambda size, stride, divisor, phase, before: RowWindow(
        size, stride, pad_before=before, inside=True, divisor=divisor, phase=phase % divisor
    ),
    st.integers(1, 3), st.integers(1, 7), st.integers(1, 7), st.integers(0, 6), st.integers(0, 1),
)  # fmt: skip


@given(
    st.lists(windows | resizes, min_size=1, max_size=4),
    st.integers(1, 24),
    st.lists(st.integers(1, 9), min_size=5, max_size=5),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_overlap_distance_is_safe(chosen, height, channels):
    """Replay a chain on labelled rows, the output lying over the input: no row is lost before it is read."""
    try:
        network = chain(chosen, height, height, channels[: len(chosen) + 1])
    except ValueError:
        return
    if min(min(t.shape) for t in network.tensors.values()) < 1:
        return
    try:
        layout = layout_rows(network, range(len(chosen)))
    except PlanError:  # a window that sees nothing but padding
        return
    distance = layout.input_distance["t0"]
    assert distance is not None
    source, output = network.tensors["t0"], network.tensors[network.outputs[0]]
    base = max(0, -distance)
    memory = np.full(base + abs(distance) + source.nbytes + output.nbytes, -1)
    start = base + distance
    for r in range(source.rows):
        memory[start + r * source.row_bytes : start + (r + 1) * source.row_bytes] = r

    def assert_intact(r: int) -> None:
        assert np.all(memory[start + r * source.row_bytes : start + (r + 1) * source.row_bytes] == r)

    loaded = 0
    first_window = chosen[0]
    for y in range(output.rows):
        if "t0" in layout.buffers:
            until = min(source.rows, layout.counts.made_by["t0"][y])
            for r in range(loaded, until):
                assert_intact(r)
            loaded = max(loaded, until)
        else:
            runs = layout.counts.runs_by[0][y]
            alone = len(chosen) == 1
            for r in range(
                loaded, min(source.rows, first_window.first_row(runs - 1 + alone) + first_window.reach)
            ):
                assert_intact(r)
            loaded = max(0, first_window.first_row(runs))
            if alone:
                rows = range(loaded, min(source.rows, first_window.end_row(runs)))
                target = (base + y * output.row_bytes, base + (y + 1) * output.row_bytes)
                for r in rows:
                    assert (
                        start + r * source.row_bytes >= target[1]
                        or start + (r + 1) * source.row_bytes <= target[0]
                    )
        memory[base + y * output.row_bytes : base + (y + 1) * output.row_bytes] = -2
