"""Segments grown backwards cost what laying them out from scratch says."""

from __future__ import annotations

import pytest

from tests.unit.planner.networks import random_network
from tvm_patch.errors import PlanError
from tvm_patch.planner.alias import overlap_distance
from tvm_patch.planner.growth import MOST_BANDS, Growth
from tvm_patch.planner.layout import joins_as_reduction, layout_segment
from tvm_patch.planner.network import Network


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
                        layout = layout_segment(network, range(start, end), bands, needed, fetched)
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
                    if bands == 1:
                        distances = {t: overlap_distance(layout, network, t) for t in layout.sources}
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
