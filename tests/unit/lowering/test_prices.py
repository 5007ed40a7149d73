"""What arena buys is what kernels say of themselves, and what the arena that is compiled gives."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tvm_patch.driver.front import legalize
from tvm_patch.lowering.fit_kernels import fit_kernels, layer_kernels
from tvm_patch.lowering.prices import Prices
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.lowering.variants import Variants, alone_operators
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.targets import CORTEX_M4, CORTEX_M7
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

UNTUNED = TunedConfigs()


@pytest.fixture(scope="module", params=[CORTEX_M4, CORTEX_M7], ids=lambda t: t.name)
def described(request):
    return legalize(write_model(build("mlperf_ic")), target=request.param).describe()


def least(network):
    return Search(network, "resident").least_memory().schedule


def test_variants_get_faster_with_scratch(described):
    kernels, _ = described
    variants = Variants(kernels, UNTUNED)
    several = 0
    for i, kernel in enumerate(kernels):
        found = variants.of(i, alone=True)
        assert found[0].scratch_bytes <= kernel.scratch_bytes
        assert all(a.scratch_bytes < b.scratch_bytes for a, b in pairwise(found))
        assert all(a.effort > b.effort for a, b in pairwise(found))
        assert all(v.kernel.scratch_bytes == v.scratch_bytes for v in found)
        for v in found:
            assert variants.within(i, v.scratch_bytes, alone=True) is v
            assert variants.within(i, v.scratch_bytes - 1, alone=True) is not v or v is found[0]
        several += len(found) > 2
    assert several > 2


def test_more_arena_never_costs_time(described):
    kernels, network = described
    prices = Prices(least(network), Variants(kernels, UNTUNED))
    late = [prices.late(arena) for arena in prices.arenas]
    assert len(late) > 3
    assert late == sorted(late, reverse=True)
    assert late[0] > 0
    # Between two arenas nothing changes.
    assert prices.late(prices.arenas[1] - 1) == late[0]
    assert prices.late(10**9) == late[-1]


def test_kernels_in_an_arena_are_priced_as_they_are(described):
    """Efforts of what is compiled add up to what was promised where all that is free by size fits by place."""
    kernels, network = described
    schedule = Schedule.of(network, layer_by_layer(network))
    variants = Variants(kernels, UNTUNED)
    prices, alone = Prices(schedule, variants), alone_operators(schedule)
    ample = network.target.ample_scratch
    wide = sum(variants.within(i, ample, alone=i in alone).effort for i in range(len(kernels)))
    exact = 0
    for arena in prices.arenas:
        chosen, wider = fit_kernels(kernels, schedule, UNTUNED, arena, variants)
        assert wider.arena_bytes <= arena
        got = sum(k.effort for k in chosen) - wide
        assert got >= prices.late(arena) - 1e-6 * wide
        exact += got == pytest.approx(prices.late(arena), abs=1e-6 * wide)
    assert exact >= len(prices.arenas) // 2


@pytest.mark.parametrize("room", [0, 300, 1024, 5000, None])
def test_arena_grows_no_further_than_it_may(described, room):
    kernels, network = described
    schedule = least(network)
    most = schedule.arena_bytes + (room or 0)
    wider, fitted = fit_kernels(kernels, schedule, UNTUNED, None if room is None else most)
    assert schedule.arena_bytes <= fitted.arena_bytes <= most
    if room is None:
        assert fitted.arena_bytes == schedule.arena_bytes
    assert all(
        k.scratch_bytes <= op.scratch_bytes for k, op in zip(wider, fitted.network.operators, strict=True)
    )
    assert fitted == Schedule.of(fitted.network, schedule.segments)


def test_layers_say_what_their_arena_bought(described):
    kernels, network = described
    schedule = Schedule.of(network, layer_by_layer(network))
    few, tight, nothing = layer_kernels(kernels, schedule, UNTUNED, 1)
    assert nothing is None
    assert tight.arena_bytes == schedule.arena_bytes
    many, wide, bought = layer_kernels(kernels, schedule, UNTUNED, 1 << 20)
    assert bought.arena_bytes == wide.arena_bytes - schedule.arena_bytes > 0
    # What fits anyway was not bought.
    saved = sum(k.effort for k in few) - sum(k.effort for k in many)
    assert bought.estimated_cycles == pytest.approx(saved, abs=0.02 * saved + 1)
