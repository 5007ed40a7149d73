"""Patches: which region of every tensor a patch needs, what that costs, what is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.unit.planner.networks import Builder, described
from tvm_patch.errors import PlanError
from tvm_patch.graph import Tensor
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.planner.layout.patches import layout_patches
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.segments import PatchSegment, Segment


def _chain(*layers: tuple[int, int], size: int = 12, channels: int = 2):
    """Return a chain of SAME convolutions given as (kernel, stride)."""
    b = Builder(size, size, channels)
    at = "in"
    for kernel, stride in layers:
        at = b.conv(at, kernel, stride, channels)
    return b.network(at)


def test_a_patch_of_a_convolution_needs_its_halo_and_the_padding_around_it():
    layout = layout_patches(_chain((3, 1), size=9), [0], 3, 3)
    held = layout.buffers["in"].region
    assert held.rows.first == held.columns.first == (-1, 2, 5)
    assert held.rows.end == held.columns.end == (4, 7, 10)
    assert layout.regions[0].rows.first == (0, 3, 6)


def test_the_halo_between_two_convolutions_is_made_again_along_both_axes():
    network = _chain((3, 1), (3, 1), size=8)
    layout = layout_patches(network, [0, 1], 2, 2)
    # The first convolution makes 5 of 8 rows and columns for each patch: one more than its half.
    assert layout.regions[0].rows.total == layout.regions[0].columns.total == 10
    first, second = network.operators
    assert layout.macs_executed(network) == first.macs * 100 // 64 + second.macs


def test_uneven_patches_are_as_large_as_the_first():
    layout = layout_patches(_chain((1, 1), size=7), [0], 3, 3)
    assert layout.regions[0].rows.end == (3, 6, 7)
    assert layout.regions[0].rows.widest == 3
    with pytest.raises(PlanError, match="cannot be cut into 5 patches"):
        layout_patches(_chain((1, 1), size=7), [0], 5, 3)


def test_regions_of_different_times_share_memory():
    network = _chain((1, 1), (3, 1), (1, 1), (3, 1), size=12, channels=4)
    layout = layout_patches(network, range(4), 2, 2)
    sizes = [b.nbytes for b in layout.buffers.values()]
    assert layout.scratch_bytes < sum(sizes)
    assert layout.scratch_bytes >= max(a + b for a, b in pairwise(sizes))


def _needed(network, cells: set[tuple[int, int]]) -> dict[str, set[tuple[int, int]]]:
    """Return by brute force which cells of every tensor these output cells depend on."""
    needed = {op.outputs[0]: set() for op in network.operators} | {"in": set()}
    needed[network.operators[-1].outputs[0]] = set(cells)
    for op in reversed(network.operators):
        for tensor, window in zip(op.inputs, op.rows, strict=True):
            _, height, width, _ = network.tensors[tensor].shape
            for y, x in needed[op.outputs[0]]:
                for k in range(window.size):
                    for j in range(window.column_reach):
                        row = y * window.stride - window.pad_before + k
                        column = x * window.column_stride - window.columns_before + j
                        if 0 <= row < height and 0 <= column < width:
                            needed[tensor].add((row, column))
    return needed


@pytest.mark.parametrize("seed", range(40))
def test_every_operator_makes_just_the_box_around_what_the_patch_depends_on(seed):
    rng = random.Random(seed)
    b = Builder(rng.randint(9, 15), rng.randint(9, 15), 2)
    at = "in"
    for _ in range(rng.randint(1, 3)):
        deep = b.conv(b.conv(at, rng.choice((1, 3)), 1, 3), rng.choice((1, 3, 5)), 1, 2)
        at = b.sum(deep, at) if rng.random() < 0.5 else b.conv(deep, 3, rng.choice((1, 2)), 2)
    network = b.network(at)
    _, height, width, _ = network.tensors[at].shape
    cut = [p for p in (1, 2, 3) if all(-(-size // -(-size // p)) == p for size in (height, width))]
    patches = rng.choice(cut)
    layout = layout_patches(network, range(len(network.operators)), patches, patches)
    for y in range(patches):
        for x in range(patches):
            sink = layout.regions[-1]
            cells = {
                (r, c)
                for r in range(sink.rows.first[y], sink.rows.end[y])
                for c in range(sink.columns.first[x], sink.columns.end[x])
            }
            assert all(0 <= r < height and 0 <= c < width for r, c in cells)
            needed = _needed(network, cells)
            for op, region in zip(layout.operators, layout.regions, strict=True):
                rows, columns = zip(*needed[op.outputs[0]], strict=True)
                assert (region.rows.first[y], region.rows.end[y]) == (min(rows), max(rows) + 1)
                assert (region.columns.first[x], region.columns.end[x]) == (min(columns), max(columns) + 1)


def test_what_cannot_run_in_patches_is_refused_by_name():
    b = Builder(8, 8, 2)
    wide = b.conv("in", 3, 1, 2)
    pooled = b.pool(b.conv(wide, 3, 1, 2))
    network = b.network(pooled)
    with pytest.raises(PlanError, match=r"mean op2.* needs its whole input"):
        layout_patches(network, [0, 1, 2], 2, 2)
    with pytest.raises(PlanError, match="tensor t0 is needed later"):
        layout_patches(network, [0, 1], 2, 2, kept={"t0"})
    stuck = replace(network.operators[1], bandable=False)
    network = replace(network, operators=(network.operators[0], stuck, network.operators[2]))
    with pytest.raises(PlanError, match=r"conv2d op1.* cannot be cut into patches"):
        layout_patches(network, [0, 1], 2, 2)


def test_mcunetv2_runs_the_rest_layer_by_layer_and_says_what_it_costs():
    network = _chain((3, 1), (3, 2), (3, 1), (3, 2), size=16, channels=4)
    request = Request(input_mode="rereadable", scheme="mcunetv2", patches=2, layers=2)
    plan = choose_plan(network, request).plan
    schedule = plan.schedule_for(network)
    assert schedule.segments == (PatchSegment((0, 1), 2, 2), Segment((2,)), Segment((3,)))
    assert plan.macs_executed == schedule.macs_executed > network.macs
    assert plan.arena_bytes == schedule.arena_bytes


def test_mcunetv2_looks_for_the_least_arena_when_not_told():
    network = _chain((3, 1), (3, 2), (3, 1), (3, 2), size=16, channels=4)
    told = [
        choose_plan(
            network, Request(input_mode="rereadable", scheme="mcunetv2", patches=p, layers=n)
        ).plan.arena_bytes
        for p in (2, 3, 4)
        for n in (1, 2, 3, 4)
        if not (p == 3 and n == 4)  # 4 rows are no 3 patches of equal size
    ]
    found = choose_plan(network, Request(input_mode="rereadable", scheme="mcunetv2", objective="memory"))
    assert found.plan.arena_bytes == min(told)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_mode": "streamed"}, "streamed input cannot be had"),
        ({"patches": 0}, "0 patches"),
        ({"layers": 9}, "9 layers are impossible"),
        ({"patches": 3, "layers": 4}, "numbers of layers near it that work: 1, 2, 3"),
        ({"sram": 64}, "the least arena is .* under scheme mcunetv2|under scheme mcunetv2: the least"),
        ({"scheme": "auto", "patches": 2}, "belong to scheme mcunetv2"),
    ],
)
def test_impossible_requests_say_why(options, message):
    network = _chain((3, 1), (3, 2), (3, 1), (3, 2), size=16)
    request = Request(**{"input_mode": "rereadable", "scheme": "mcunetv2", **options})
    with pytest.raises(PlanError, match=message):
        choose_plan(network, request)


@pytest.mark.parametrize("view", [(3, 0), (0, 3)])
def test_patches_that_would_see_only_padding_are_refused(view):
    """Three rows or columns of padding before a window of one: the first two of five see nothing else."""
    above, left = view
    window = RowWindow(1, 1, 1, above, left, 0, 0, 1, 1)
    x, y = Tensor("x", (1, 7, 7, 2)), Tensor("y", (1, 7 + above, 7 + left, 2))
    op = described(0, "op", "conv2d", (x,), (y,), rows=(window,))
    network = Network.of("lopsided", [op], [x], [y])
    for fetched in ((), ("x",)):
        layout_patches(network, (0,), 2, 2, fetched=fetched)
        with pytest.raises(PlanError, match="no more than the padding of x"):
            layout_patches(network, (0,), 5 if above else 1, 5 if left else 1, fetched=fetched)
