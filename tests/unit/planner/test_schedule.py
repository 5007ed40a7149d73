"""Schedules: checked by the names of fields, and the same however they came by their kernels' scratch."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.unit.planner.networks import Builder, random_network
from tvm_patch.errors import PlanError
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.planner.network import Network
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import NUMBERS, PatchSegment, Segment, layer_by_layer, segment_of

pytestmark = pytest.mark.slow


def network() -> Network:
    b = Builder(12, 10, 3)
    at = b.conv(b.conv("in", 3, 2, 6), 1, 1, 8)
    return b.network(b.dense(b.pool(b.conv(at, 3, 1, 4)), 2))


def schedules(seed: int) -> list[Schedule]:
    """Return a network under what a search finds, layer by layer and, where it can be, in patches."""
    net, mode = random_network(seed, 10), ("resident", "rereadable")[seed % 2]
    found = [point.schedule for point in Search(net, mode, 4.0).front]
    with suppress(PlanError):
        found += [p.schedule for p in choose_plan(net, Request(mode, "mcunetv2")).front]
    return [*found, Schedule.of(net, layer_by_layer(net), mode)]


@pytest.mark.parametrize("seed", range(30))
def test_room_for_other_scratch_is_what_laying_out_anew_makes(seed):
    rng = random.Random(seed)
    for schedule in schedules(seed):
        scratch = [rng.choice((0, 0, rng.randint(1, 300))) for _ in schedule.network.operators]
        wider = schedule.with_scratch(scratch)
        assert [op.scratch_bytes for op in wider.network.operators] == scratch
        anew = Schedule.of(wider.network, schedule.segments, schedule.mode)
        assert wider == anew
        assert wider.placement == anew.placement
        assert wider.macs == schedule.macs
        # Nothing is left of what was asked for in between.
        assert wider.with_scratch([op.scratch_bytes for op in schedule.network.operators]) == schedule
        assert wider.with_scratch(scratch) is wider


def test_patches_are_among_them():
    kinds = {type(s) for seed in range(6) for found in schedules(seed) for s in found.segments}
    assert kinds == {Segment, PatchSegment}


@pytest.mark.parametrize(
    ("segments", "mode", "message"),
    [
        ([(0,), (1,)], "resident", "segments: operator 2 .* is in none"),
        ([(0, 7)], "resident", r"segments\[0\].operators: 7 does not exist"),
        ([(0, -1)], "resident", r"segments\[0\].operators: -1 does not exist"),
        ([()], "resident", r"segments\[0\].operators: there must be one"),
        ([(1,), (0,), (2,), (3,), (4,)], "resident", "segments: tensor t0 is read"),
        ([(0,), (1, 2, 3, 4)], "resident", r"segments\[1\]: operator 3 .* cannot run row by row"),
        ([(i,) for i in range(5)], "guessed", "input mode 'guessed' is unknown; use resident"),
    ],
)
def test_what_cannot_run_is_refused_by_the_field(segments, mode, message):
    with pytest.raises(PlanError, match=message):
        Schedule.of(network(), [Segment(operators) for operators in segments], mode)


@pytest.mark.parametrize(
    ("position", "segment", "mode", "message"),
    [
        (
            1,
            Segment((1,), 9),
            "resident",
            r"segments\[1\].bands: 5 columns cannot be cut into 9|9 bands do not fit",
        ),
        (
            4,
            Segment((4,), 2),
            "resident",
            r"segments\[4\].bands: 2 bands, but operator 4 .* needs whole tensors",
        ),
        (
            1,
            PatchSegment((1,), 2, 9),
            "resident",
            r"segments\[1\].patch_rows: the 6 rows of t1 cannot be cut",
        ),
        (0, Segment((0,), 2), "streamed", r"segments\[0\].bands: input in is streamed.*; use one band"),
        (0, PatchSegment((0,), 1, 1), "streamed", r"segments\[0\].patch_rows: input in is streamed.*; use 0"),
    ],
)
def test_a_segment_that_cannot_run_says_which_number_is_to_blame(position, segment, mode, message):
    segments = [*layer_by_layer(network())]
    segments[position] = segment
    with pytest.raises(PlanError, match=message):
        Schedule.of(network(), segments, mode)


def test_two_segments_cannot_read_what_comes_once():
    b = Builder(8, 8, 2)
    net = b.network(b.sum(b.conv("in", 3, 1, 2), b.conv("in", 1, 1, 2)))
    with pytest.raises(PlanError, match=r"segments\[1\].operators: input in is streamed.* for segments\[0\]"):
        Schedule.of(net, layer_by_layer(net), "streamed")
    Schedule.of(net, [Segment((0, 1, 2))], "streamed")


@pytest.mark.parametrize(
    ("segment", "pieces"),
    [(Segment((0, 1)), ""), (Segment((0, 1), 3), "3 bands"), (PatchSegment((0, 1), 2, 3), "3×2 patches")],
)
def test_the_numbers_of_a_segment_describe_it(segment, pieces):
    assert segment_of(segment.operators, **segment.numbers) == segment
    assert segment.numbers.keys() == NUMBERS.keys()
    assert segment.pieces == pieces


def test_a_schedule_is_of_its_network():
    net = network()
    schedule = Schedule.of(net, layer_by_layer(net))
    assert schedule.macs == tuple(op.macs for op in net.operators)
    assert schedule.macs_executed == net.macs
    assert schedule != Schedule.of(replace(net, name="other"), layer_by_layer(net))
