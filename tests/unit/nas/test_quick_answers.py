"""The quick answer of the planner about an architecture: always legal, and nearly as good as the full search's."""

from __future__ import annotations

import pytest

import tvm_patch
from tests.unit.nas.records import random_architecture
from tvm_patch.driver.front import legalize
from tvm_patch.errors import PlanError
from tvm_patch.nas.batch import Question, costs
from tvm_patch.nas.describe import network_of
from tvm_patch.nas.planned import planned
from tvm_patch.nas.schedule import ByPlanner
from tvm_patch.nas.spaces import mnasnet_like
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.search.plan_cycles import plan_cycles
from tvm_patch.targets import TARGETS
from tvm_patch.tflite.writer import write_model

TARGET = TARGETS["cortex-m7"]
MODES = ("resident", "rereadable", "streamed")
LIMITS = (1.0, 1.05, 1.3)


@pytest.mark.parametrize("seed", range(24))
def test_is_a_plan_that_costs_what_it_says(seed):
    architecture = random_architecture(seed)
    network = network_of(architecture, TARGET)
    mode, limit = MODES[seed % 3], LIMITS[seed // 3 % 3]
    found = planned(architecture, TARGET, mode, limit)
    schedule = Schedule.of(network, found.segments, mode)
    assert (found.cost.arena_bytes, found.cost.executed) == (schedule.arena_bytes, schedule.macs_executed)
    assert found.cost.macs == network.macs
    fetched = fetched_inputs(network, mode)
    assert found.cost.cycles == plan_cycles(network, found.segments, fetched)
    assert found.cost.instructions == plan_cycles(network.counting_instructions, found.segments, fetched)
    assert found.cost.overhead <= limit


@pytest.mark.parametrize("seed", range(6))
def test_is_a_plan_of_the_network_in_its_file(seed):
    architecture, mode = random_architecture(seed), MODES[seed % 3]
    found = planned(architecture, TARGET, mode, 1.1)
    data = write_model(architecture.model(seed=seed))
    network = legalize(data, target=TARGET, prune=False).describe()[1]
    assert Schedule.of(network, found.segments, mode).arena_bytes == found.cost.arena_bytes


@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.verify) for s in range(2, 20))])
def test_flash_is_that_of_the_compiled_plan(seed):
    """Composites and blocks of channels have the same constants in another order."""
    architecture = random_architecture(seed, largest=64)
    found = planned(architecture, TARGET, "resident", 1.1)
    data = write_model(architecture.model(seed=seed))
    made = tvm_patch.compile(
        data, board="nucleo_h743zi", segments=lambda _: found.segments, prune=False, prefer="size"
    ).metadata
    more = {0, 3} if architecture.classes == 1 else {0}
    assert made.constant_bytes - found.cost.flash_bytes in more


@pytest.mark.parametrize("seed", range(4))
def test_time_is_that_of_the_full_search(seed):
    mode = MODES[seed % 3]
    network = network_of(random_architecture(seed, largest=64), TARGET)
    points = Search(network, mode).front
    assert len(points) > 1
    for point in points:
        assert plan_cycles(network, point.segments, fetched_inputs(network, mode)) == point.cycles


def test_is_about_as_good_as_the_full_search():
    """Within ten percent of its arena for 19 of 20; ``benchmarks.quick_answers`` asks about five hundred."""
    close = []
    for seed in range(24):
        architecture, mode = mnasnet_like(seed), MODES[seed % 3]
        search = Search(network_of(architecture, TARGET), mode)
        for limit in (1.05, 1.1):
            best = search.least_memory(limit).arena_bytes
            close.append(planned(architecture, TARGET, mode, limit).cost.arena_bytes <= 1.1 * best)
    assert sum(close) >= 0.95 * len(close)


def test_in_batches():
    architectures = [random_architecture(seed) for seed in range(4)]
    question = Question("cortex-m7", ByPlanner(mode="rereadable", max_overhead=1.1))
    expected = [planned(a, TARGET, "rereadable", 1.1).cost for a in architectures]
    assert list(costs(architectures, question)) == expected


def test_a_limit_below_one_is_refused():
    with pytest.raises(PlanError, match=r"an overhead of 0.9 is impossible; the least is 1"):
        planned(random_architecture(0), TARGET, max_overhead=0.9)
