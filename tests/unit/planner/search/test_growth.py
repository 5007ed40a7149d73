"""Segments grown backwards cost what laying them out from scratch says."""

from __future__ import annotations

import pytest

from tests.unit.planner.networks import Builder, random_network
from tvm_patch.errors import PlanError
from tvm_patch.planner.estimate.cycles import cycles_of_pieces, segment_pieces
from tvm_patch.planner.layout.rows_builder import joins_as_reduction, layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.row_window import RowWindow
from tvm_patch.planner.search.growth import MOST_BANDS, Growth

pytestmark = pytest.mark.slow


def compare(network: Network, fetched: frozenset[str]) -> tuple[int, int]:
    """Compare every run of operators in every number of bands; return how many can run and how many cannot."""
    legal = illegal = 0
    for end in range(1, len(network.operators) + 1):
        sink = network.operators[end - 1]
        needed = {t for op in network.operators[end:] for t in op.inputs} | set(network.outputs)
        for reduces in {bool(not sink.rows), joins_as_reduction(sink, 2)}:
            if not sink.rows and not sink.state_bytes:
                continue
            growth = Growth(network, sink.index, needed, fetched, reduces)
            for start in range(end - 1, -1, -1):
                if start < end - 1 and not growth.prepend(start):
                    break
                if reduces != joins_as_reduction(sink, end - start):
                    continue
                costs = growth.costs()
                for bands in range(1, MOST_BANDS + 1):
                    try:
                        layout = layout_rows(network, range(start, end), bands, needed, fetched)
                    except PlanError:
                        assert costs is None or not costs.legal[bands - 1]
                        illegal += 1
                        continue
                    legal += 1
                    assert costs is not None
                    assert costs.legal[bands - 1]
                    assert costs.scratch[bands - 1] == layout.scratch_bytes
                    assert costs.macs[bands - 1] == layout.macs_executed(network)
                    assert set(costs.sources) == set(layout.sources)
                    assert costs.stored == layout.stored
                    expected = cycles_of_pieces(segment_pieces(network, layout), network.target.costs)
                    assert costs.cycles[bands - 1] == pytest.approx(expected, abs=1)
                    if bands == 1:
                        distances = layout.input_distance
                        assert costs.distances == {t: d for t, d in distances.items() if d is not None}
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
