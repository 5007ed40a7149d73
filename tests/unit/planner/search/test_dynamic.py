"""The search against trying everything, and what it promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import product

import pytest

from tests.unit.planner.networks import Builder, random_network
from tvm_patch.errors import PlanError
from tvm_patch.input_mode import INPUT_MODES, InputMode
from tvm_patch.planner.arena.bound import lower_bound
from tvm_patch.planner.arena.buffers import Buffer, Overlap
from tvm_patch.planner.arena.problem import make_problem
from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.reads import check_reads
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.planner.search.one_segment import MOST_BANDS
from tvm_patch.planner.segments import Segment, kept_tensors


def every_cut(count: int) -> Iterator[list[tuple[int, ...]]]:
    """Yield every way to cut operators into runs."""
    for mask in range(1 << (count - 1)):
        runs, start = [], 0
        for i in range(count):
            if i == count - 1 or mask >> i & 1:
                runs.append(tuple(range(start, i + 1)))
                start = i + 1
        yield runs


def ways(
    network: Network, runs: list[tuple[int, ...]], fetched: frozenset[str], once: bool
) -> list[list[Segment]]:
    """Return, for every run of a cut, the segments that can run it."""
    kept = kept_tensors(network, [Segment(r) for r in runs])
    found = []
    for run, needed in zip(runs, kept, strict=True):
        reads = any(t in fetched for i in run for t in network.operators[i].inputs)
        legal = []
        for bands in range(1, 2 if once and reads else MOST_BANDS + 1):
            segment = Segment(run, bands)
            with suppress(PlanError):
                segment.lay_out(network, needed, fetched)
                legal.append(segment)
        found.append(legal)
    return found


def bound(schedule: Schedule) -> int:
    """Return the bytes in use at once, at least."""
    question = schedule.question
    buffers = [Buffer(s.name, s.size, s.first, s.last, s.align) for s in question.storages]
    buffers += [Buffer(f"scratch {i}", size, i, i, 4) for i, size in question.scratch.items()]
    return lower_bound(make_problem(buffers, [Overlap(*o) for o in question.overlaps], align=4))


def every_plan(network: Network, mode: InputMode) -> Iterator[tuple[Segment, ...]]:
    """Yield every legal plan without second passes."""
    fetched = fetched_inputs(network, mode)
    for runs in every_cut(len(network.operators)):
        for plan in product(*ways(network, runs, fetched, mode == "streamed")):
            with suppress(PlanError):
                check_reads(network, plan, mode)
                yield plan


@pytest.mark.slow
@pytest.mark.parametrize("mode", INPUT_MODES)
@pytest.mark.parametrize("seed", range(12))
def test_nothing_better_exists(seed, mode):
    network = random_network(seed, 4, width=6)
    tried = (Schedule.of(network, p, mode) for p in every_plan(network, mode))
    plans = [(bound(s), s.macs_executed) for s in tried]
    search = Search(network, mode, 4.0)
    for overhead in (1.0, 1.05, 1.2, 4.0):
        within = [arena for arena, macs in plans if macs <= network.macs * overhead + 0.5]
        found = search.least_memory(overhead)
        assert found.macs <= network.macs * overhead + 0.5
        # Second passes may do better than any plan tried here.
        assert bound(found.schedule) <= min(within)


@pytest.mark.parametrize("mode", INPUT_MODES)
@pytest.mark.slow
def test_front(mode):
    for seed in range(12):
        network = random_network(seed, 10)
        search = Search(network, mode)
        front = search.front
        assert front == Search(network, mode).front
        counted = search._costs.tolist() + [list(p.costs) for p in search._known]
        assert [p.arena_bytes for p in front] == sorted(p.arena_bytes for p in front)
        for point in front:
            # The search counts what the layouts say, and its peaks are bounds of what is placed.
            assert any(
                peak <= point.arena_bytes and (macs, time) == (point.macs, point.cycles)
                for peak, macs, time in counted
            )
            check_reads(network, point.segments, mode)
            for other in front:
                assert other is point or any(a < b for a, b in zip(point.costs, other.costs, strict=True))


def squeezed() -> Network:
    """A block whose wide tensor is much larger than what lies around it."""
    b = Builder(12, 12, 2)
    wide = b.conv("in", 1, 1, 16)
    scaled = b.scale(wide, b.conv(b.pool(wide), 1, 1, 16))
    return b.network(b.conv(scaled, 1, 1, 2))


def test_squeeze_in_two_passes():
    network = squeezed()
    search = Search(network)
    stored = search.least_memory(1.0)
    twice = search.least_memory()
    assert stored.arena_bytes > 12 * 12 * 16
    assert twice.arena_bytes < 12 * 12 * 8
    assert [s.operators for s in twice.segments] == [(0, 1), (2,), (0, 3, 4)]
    assert twice.macs == network.macs + network.operators[0].macs
    with pytest.raises(PlanError, match=r"overhead of at most 0\.5"):
        Search(network, "streamed", 0.5)


def test_streamed_rows_are_read_by_one_segment_in_one_band():
    for seed in range(30):
        network = random_network(seed, 8)
        for point in Search(network, "streamed").front:
            using = [
                s for s in point.segments if any("in" in network.operators[i].inputs for i in s.operators)
            ]
            assert [s.bands for s in using] == [1]


def test_objectives():
    network = random_network(3, 10)
    search = Search(network)
    least = search.best("memory")
    assert least is not None
    fastest = search.best("time", sram=1 << 20)
    assert fastest is not None
    assert least.arena_bytes <= fastest.arena_bytes
    assert fastest.cycles <= least.cycles
    balanced = search.best("balanced")
    assert balanced is not None
    assert least.arena_bytes <= balanced.arena_bytes
    # A percent of the arena is worth four percent of time, and no more.
    smallest = search.least_memory()
    assert smallest.arena_bytes <= least.arena_bytes
    assert least.arena_bytes**4 * least.cycles <= smallest.arena_bytes**4 * smallest.cycles
    assert search.best("time", sram=smallest.arena_bytes - 1) is None
    tight = search.best("time", sram=least.arena_bytes)
    assert tight is not None
    assert tight.arena_bytes == least.arena_bytes


def test_inputs_that_cannot_be_fetched():
    b = Builder(4, 4, 2)
    with pytest.raises(PlanError, match="input in cannot be streamed: operator 0"):
        Search(b.network(b.add("permute_dims", ("in",), (1, 2, 4, 4))), "streamed")


def test_an_input_that_is_only_reduced_is_fetched_row_by_row():
    b = Builder(4, 4, 2)
    network = b.network(b.dense("in", 3))
    op, output = network.operators[0], network.tensors[network.outputs[0]]
    for mode in ("rereadable", "streamed"):
        least = Search(network, mode).least_memory()
        row = network.tensors["in"].row_bytes
        assert least.arena_bytes == row + op.state_bytes + aligned(output.nbytes)
        assert layer_point(network, mode).arena_bytes == least.arena_bytes
