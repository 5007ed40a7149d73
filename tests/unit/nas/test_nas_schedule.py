"""How architectures run, as records; and the best patches of an architecture against all of them."""

from __future__ import annotations

import pytest

from tests.unit.nas.records import random_architecture
from tvm_patch.errors import PlanError, UserError
from tvm_patch.nas.cost import layer_cost, patched_cost
from tvm_patch.nas.describe import network_of
from tvm_patch.nas.layers import layers_of
from tvm_patch.nas.patched import MOST_PATCHES, best_patched
from tvm_patch.nas.planned import planned
from tvm_patch.nas.schedule import ByPlanner, Candidate, InPatches, LayerByLayer
from tvm_patch.planner.choose import choose_plan
from tvm_patch.targets import TARGETS

TARGET = TARGETS["cortex-m7"]
SCHEDULES = (
    LayerByLayer(mode="streamed"),
    InPatches(patches=2, layers=3, mode="rereadable"),
    ByPlanner(max_overhead=1.25),
)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.how)
def test_a_candidate_is_json_and_back(schedule, tmp_path):
    candidate = Candidate(architecture=random_architecture(1), schedule=schedule)
    assert Candidate.load(candidate.save(tmp_path / "candidate.json")) == candidate


def test_a_schedule_costs_what_its_function_says():
    architecture = random_architecture(1)
    expected = (
        layer_cost(architecture, TARGET, "streamed"),
        patched_cost(architecture, TARGET, 2, 3, "rereadable"),
        planned(architecture, TARGET, "resident", 1.25).cost,
    )
    assert tuple(Candidate(architecture=architecture, schedule=s).cost(TARGET) for s in SCHEDULES) == expected


@pytest.mark.parametrize("schedule", SCHEDULES[:2], ids=lambda s: s.how)
def test_the_compiler_is_asked_for_the_same(schedule):
    architecture = random_architecture(1)
    plan = choose_plan(network_of(architecture, TARGET), schedule.request()).plan
    cost = schedule.cost(architecture, TARGET)
    assert (plan.arena_bytes, plan.macs_executed) == (cost.arena_bytes, cost.executed)
    assert plan.estimated_cycles == cost.cycles


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('"patches": 2', r"patches.patches: input should be greater than or equal to 1"),
        ('"version": 1,\n  "architecture"', "version: 2 is not known"),
    ],
)
def test_bad_candidates_name_the_field(change, message):
    text = Candidate(architecture=random_architecture(1), schedule=SCHEDULES[1]).to_json()
    assert change in text
    with pytest.raises(UserError, match=message):
        Candidate.from_json(text.replace(change, change.replace("2", "0").replace("1", "2")))


@pytest.mark.parametrize("limit", [None, 1.0, 1.1])
@pytest.mark.parametrize("mode", ["resident", "rereadable"])
@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(s, marks=pytest.mark.verify) for s in range(6, 60))]
)
def test_no_patches_are_better(seed, mode, limit):
    architecture = random_architecture(seed)
    costs = [layer_cost(architecture, TARGET, mode)]
    for patches in range(1, MOST_PATCHES + 1):
        for layers in range(1, len(layers_of(architecture)) + 1):
            try:
                cost = patched_cost(architecture, TARGET, patches, layers, mode)
            except PlanError:
                continue
            if limit is None or cost.overhead <= limit:
                costs.append(cost)
    best = best_patched(architecture, TARGET, mode, limit)
    least = min(costs, key=lambda c: (c.arena_bytes, c.executed))
    assert (best.cost.arena_bytes, best.cost.executed) == (least.arena_bytes, least.executed)
    assert best.schedule.cost(architecture, TARGET) == best.cost


def test_a_limit_below_one_is_refused():
    with pytest.raises(PlanError, match=r"an overhead of 0.5 is impossible; the least is 1"):
        best_patched(random_architecture(0), TARGET, max_overhead=0.5)
