"""Segments with composites, grown backwards, cost what laying them out from scratch says."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.unit.planner.networks import TurningShapes, random_network
from tests.unit.planner.search.test_grown import check
from tvm_patch.errors import PlanError
from tvm_patch.planner.composite import Composite
from tvm_patch.planner.layout.composite_chain import Chain
from tvm_patch.planner.layout.flow import simulate
from tvm_patch.planner.layout.rows import RowsLayout
from tvm_patch.planner.layout.rows_builder import layout_rows, reduces_rows
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.grown import Growing, Grown, few_of
from tvm_patch.planner.search.pace import paced_counts
from tvm_patch.planner.search.pieces import Piece, composite_piece, piece_of
from tvm_patch.planner.search.steps import Steps


def turning_network(seed: int, resizes: bool = False) -> Network:
    network = random_network(seed, 10, resizes=resizes)
    return replace(network, shapes=TurningShapes(network.operators))


def pieces_ending_at(network: Network, index: int, draw: random.Random) -> list[Piece]:
    """Return the operator, and composites of any length and any number of rows (and columns) that end with it."""
    if not network.operators[index].rows:
        return []
    found = [piece_of(network, network.operators[index])]
    for first in range(max(0, index - 5), index):
        operators = tuple(range(first, index + 1))
        try:
            chain = Chain(network, operators)
            rows = draw.randint(1, chain.sink.shape[1])
            found.append(composite_piece(network, Composite(operators, rows), chain.of_rows(rows)))
            kept = Composite(operators, rows, keeps=True)
            found.append(composite_piece(network, kept, chain.of_rows(rows, keeps=True)))
        except PlanError:
            pass
        for keeps in (False, True):
            with suppress(PlanError):
                chain = Chain(network, operators)
                rows, columns = draw.randint(1, chain.sink.shape[1]), draw.randint(1, chain.sink.shape[2])
                desc = chain.of_rows(rows, keeps, columns)
                found.append(composite_piece(network, Composite(operators, rows, keeps, columns), desc))
    return found


def compare(seed: int, fetched: frozenset[str], resizes: bool = False) -> int:
    """Compare segments of a network that are drawn at random; return how many with composites can run."""
    network, draw, legal = turning_network(seed, resizes), random.Random(seed), 0
    steps = {bands: Steps(network, fetched, bands) for bands in (1, 2, 3)}
    pieces = [pieces_ending_at(network, index, draw) for index in range(len(network.operators))]
    for end in range(1, len(network.operators) + 1):
        sink = network.operators[end - 1]
        if not sink.rows and not sink.state_bytes:
            continue
        needed = {t for op in network.operators[end:] for t in op.inputs} | set(network.outputs)
        reduces = reduces_rows(sink)
        last = [piece_of(network, sink, True)] if reduces else pieces[end - 1]
        for taken in steps.values():
            growing = Growing(taken, needed, end - 1, reduces)
            for start, some in growing.backwards(
                last, lambda index: pieces[index], lambda grown: True, few_of(40)
            ):
                for grown in some:
                    # An operator alone is laid out in its own way.
                    if grown.after is not None or grown.composed:
                        assert grown.operators == tuple(range(start, end))
                        layout = laid_out(network, grown, needed, fetched)
                        check(network, grown, layout)
                        legal += layout is not None and grown.composed
    return legal


def laid_out(network: Network, grown: Grown, needed: set[str], fetched: frozenset[str]) -> RowsLayout | None:
    try:
        return layout_rows(network, grown.operators, grown.bands, needed, fetched, grown.composites)
    except PlanError:
        return None


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_networks(first):
    counts = [
        compare(seed, fetched)
        for seed in range(first, first + 10)
        for fetched in (frozenset[str](), frozenset({"in"}))
    ]
    assert sum(counts) > 150


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 40, 10))
def test_networks_that_resize(first):
    counts = [
        compare(seed, fetched, resizes=True)
        for seed in range(first, first + 10)
        for fetched in (frozenset[str](), frozenset({"in"}))
    ]
    assert sum(counts) > 100


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
