"""Segments with composites, grown backwards, cost what laying them out from scratch says."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tvm_patch.planner.search.backwards import grown_backwards
from tvm_patch.planner.search.fused import Fused, Grown

from tests.unit.planner.networks import TurningShapes, random_network
from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.estimate.cycles import cycles_of_pieces, segment_pieces
from tvm_patch.planner.layout.composite_chain import Chain
from tvm_patch.planner.layout.flow import simulate
from tvm_patch.planner.layout.rows_builder import joins_as_reduction, layout_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.pace import paced_counts
from tvm_patch.planner.search.pieces import Piece, composite_piece, piece_of


def turning_network(seed: int) -> Network:
    network = random_network(seed, 10)
    return replace(network, shapes=TurningShapes(network.operators))


def pieces_ending_at(network: Network, index: int, draw: random.Random) -> list[Piece]:
    """Return the operator, and composites of any length and any number of rows that end with it."""
    found = [piece_of(network, network.operators[index])]
    for first in range(max(0, index - 5), index):
        operators = tuple(range(first, index + 1))
        try:
            chain = Chain(network, operators)
            rows = draw.randint(1, chain.sink.shape[1])
            found.append(composite_piece(network, Composite(operators, rows), chain.of_rows(rows)))
        except PlanError:
            continue
    return found


def check(
    network: Network, grown: Grown, start: int, end: int, needed: set[str], fetched: frozenset[str]
) -> bool:
    """Compare a segment with its layout; return whether it can run."""
    assert grown.operators == tuple(range(start, end))
    bands = grown.growing.bands
    try:
        layout = layout_rows(network, range(start, end), bands, needed, fetched, grown.composites)
    except PlanError:
        assert grown.costs is None
        return False
    costs = grown.costs
    assert costs is not None
    assert costs.scratch == layout.scratch_bytes
    assert costs.macs == layout.macs_executed(network)
    assert set(costs.sources) == set(layout.sources)
    assert costs.stored == layout.stored
    expected = cycles_of_pieces(segment_pieces(network, layout), network.target.costs)
    assert costs.cycles == pytest.approx(expected, abs=1)
    if bands == 1:
        assert {t: grown.distance(t) for t in costs.sources} == layout.input_distance
    return True


def compare(seed: int, fetched: frozenset[str]) -> int:
    """Compare segments of a network that are drawn at random; return how many with composites can run."""
    network, draw, legal = turning_network(seed), random.Random(seed), 0
    for end in range(1, len(network.operators) + 1):
        sink = network.operators[end - 1]
        if not sink.rows and not sink.state_bytes:
            continue
        needed = {t for op in network.operators[end:] for t in op.inputs} | set(network.outputs)
        reduces = joins_as_reduction(sink, 2)
        for bands in (1, 2, 3):
            fused = Fused(network, needed, fetched, bands)
            last = [] if reduces else pieces_ending_at(network, end - 1, draw)[1:]
            segments = grown_backwards(
                fused,
                piece_of(network, sink, reduces),
                lambda index: pieces_ending_at(network, index, draw),
                end,
                most=40,
                limit=1 << 30,
                reduces=reduces,
                last=last,
            )
            for start, some in segments:
                for grown in some:
                    # An operator alone is laid out in its own way.
                    if len(grown.pieces) > 1 or grown.composites:
                        legal += check(network, grown, start, end, needed, fetched) and bool(grown.composites)
    return legal


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_networks(first):
    counts = [
        compare(seed, fetched)
        for seed in range(first, first + 10)
        for fetched in (frozenset[str](), frozenset({"in"}))
    ]
    assert sum(counts) > 150


def test_closed_forms_are_what_is_replayed():
    compared = 0
    for seed in range(60):
        network = turning_network(seed)
        for end in range(2, len(network.operators) + 1):
            for first in range(max(0, end - 6), end - 1):
                try:
                    chain = Chain(network, range(first, end))
                except PlanError:
                    continue
                replayed, paced = simulate(chain.flow), paced_counts(chain.flow)
                assert replayed is not None
                assert paced is not None
                assert (paced.waiting, paced.made) == (replayed.waiting, replayed.made)
                compared += 1
    assert compared > 100
