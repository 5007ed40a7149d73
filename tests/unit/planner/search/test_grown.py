"""Segments grown backwards cost what laying them out from scratch says."""

from __future__ import annotations

import pytest

from tests.unit.planner.networks import Builder, random_network
from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import cycles_of_pieces, segment_pieces
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.layout.rows_builder import layout_rows, reduces_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.search.grown import Growing, Grown
from tvm_patch.planner.search.one_segment import MOST_BANDS
from tvm_patch.planner.search.pieces import piece_of
from tvm_patch.planner.search.steps import Steps

pytestmark = pytest.mark.slow


def check(network: Network, grown: Grown | None, layout: RowsLayout | None) -> None:
    """Compare a segment with its layout, None where it cannot run."""
    costs = None if grown is None else grown.costs()
    if layout is None:
        assert costs is None
        return
    assert grown is not None
    assert costs is not None
    assert costs.scratch == layout.scratch_bytes
    assert costs.macs == layout.macs_executed(network)
    assert set(costs.sources) == set(layout.sources)
    assert costs.stored == layout.stored
    expected = cycles_of_pieces(segment_pieces(network, layout), network.target.costs)
    assert costs.cycles == pytest.approx(expected, abs=1)
    assert {t: grown.distance(t) for t in costs.sources} == layout.input_distance


def compare(network: Network, fetched: frozenset[str]) -> tuple[int, int]:
    """Compare every run of operators in every number of bands; return how many can run and how many cannot."""
    legal = illegal = 0
    steps = {bands: Steps(network, fetched, bands) for bands in range(1, MOST_BANDS + 1)}
    # Of one operator always the same piece: segments share their steps.
    pieces = {op.index: piece_of(network, op) for op in network.operators if op.rows}
    for end in range(1, len(network.operators) + 1):
        sink = network.operators[end - 1]
        needed = {t for op in network.operators[end:] for t in op.inputs} | set(network.outputs)
        for reduces in {bool(not sink.rows), reduces_rows(sink)}:
            if not sink.rows and not sink.state_bytes:
                continue
            last = piece_of(network, sink, True) if reduces else pieces[sink.index]
            for bands, taken in steps.items():
                grown = Growing(taken, needed, sink.index, reduces).start(last)
                for start in range(end - 1, -1, -1):
                    if start < end - 1:
                        rows = network.operators[start].rows
                        grown = grown.before(pieces[start]) if grown and rows else None
                    fed = end - start > 1 or not fetched.isdisjoint(sink.inputs)
                    if reduces != reduces_rows(sink, fed=fed):
                        continue
                    try:
                        layout = layout_rows(network, range(start, end), bands, needed, fetched)
                    except PlanError:
                        layout = None
                    check(network, grown, layout)
                    legal, illegal = legal + (layout is not None), illegal + (layout is None)
    return legal, illegal


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_random_networks(first):
    counts = [
        compare(random_network(seed, 10), fetched)
        for seed in range(first, first + 20)
        for fetched in (frozenset(), frozenset({"in"}))
    ]
    assert sum(legal for legal, _ in counts) > 1000
    assert sum(illegal for _, illegal in counts) > 100


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_networks_that_resize(first):
    counts = [
        compare(random_network(seed, 9, 9, resizes=True), fetched)
        for seed in range(first, first + 20)
        for fetched in (frozenset(), frozenset({"in"}))
    ]
    assert sum(legal for legal, _ in counts) > 500
    assert sum(illegal for _, illegal in counts) > 500


def test_lopsided_padding():
    """Bands that would see nothing but padding are illegal in both."""
    for left, reach in ((3, 1), (2, 3), (0, 1)):
        b = Builder(9, 11, 2)
        at = b.conv("in", 3, 1, 3)
        for _ in range(2):
            _, h, w, _ = b.tensors[at].shape
            view = RowWindow(3, 1, 1, 1, left, 1, 0, 1, reach)
            at = b.add("conv2d", (at,), (1, h, w + left + 1 - reach + 1, 2), rows=(view,), macs=h * w)
        legal, illegal = compare(b.network(at), frozenset())
        assert legal > 20
        assert illegal > 5 or not left
