"""Whatever memory the least plan takes, there is a plan for it, whatever the aim."""

import pytest

from tvm_patch.nas.baselines import mobilenet_v2
from tvm_patch.nas.describe import network_of
from tvm_patch.planner.search.dynamic import MOST_OVERHEAD, Search
from tvm_patch.targets import TARGETS


@pytest.fixture(scope="module")
def search():
    return Search(network_of(mobilenet_v2(1.0, 224), TARGETS["cortex-m7"]), "rereadable", MOST_OVERHEAD)


@pytest.mark.parametrize("objective", ["time", "balanced", "memory"])
@pytest.mark.parametrize("max_overhead", [1.05, 1.11, None])
def test_memory_that_is_enough_for_a_plan_is_enough_for_every_aim(search, objective, max_overhead):
    least = search.least_memory(max_overhead).arena_bytes
    for sram in (least, least + 96, int(1.01 * least), int(1.05 * least)):
        found = search.best(objective, sram, max_overhead)
        assert found is not None, sram
        assert found.arena_bytes <= sram
