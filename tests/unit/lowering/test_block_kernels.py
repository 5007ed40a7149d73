"""Loops are ordered by a board's memories, in what the arena has left over."""

from __future__ import annotations

import pytest

from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import legalize
from tvm_patch.lowering.block_kernels import block_kernels
from tvm_patch.lowering.fit_kernels import fit_kernels, widest_kernels
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build


def made_for(board):
    return legalize(write_model(build("mlperf_ic")), target=target_of(board))


@pytest.mark.parametrize("way", ["layer", "plan"])
def test_the_arena_stays_as_it_is(way):
    legalized = made_for("stm32f746g_disco")
    kernels, network = legalized.describe()
    if way == "layer":
        layers = Schedule.of(network, layer_by_layer(network))
        kernels, schedule = widest_kernels(kernels, layers)
    else:
        kernels, schedule = fit_kernels(kernels, Search(network, "resident").least_memory().schedule)
    blocked, wider = block_kernels(kernels, schedule)
    assert wider.arena_bytes == schedule.arena_bytes
    assert wider == Schedule.of(wider.network, schedule.segments)
    scratch = [op.scratch_bytes for op in wider.network.operators]
    assert scratch == [max(b.scratch_bytes, k.scratch_bytes) for b, k in zip(blocked, kernels, strict=True)]
    assert way == "plan" or sum(bool(k.config.get("together")) for k in blocked) >= 3
    lowered = legalized.lower(None if way == "layer" else schedule)
    if way == "layer":
        assert lowered.schedule == wider


@pytest.mark.parametrize("board", ["qemu_m7", "host", "nucleo_l4r5zi"])
def test_nothing_changes_without_a_cache_of_any_size(board):
    legalized = made_for(board)
    kernels, network = legalized.describe()
    schedule = Schedule.of(network, layer_by_layer(network))
    assert block_kernels(kernels, schedule) == (kernels, schedule)


def test_streams_that_fit_a_larger_cache_are_left_alone():
    blocked = {}
    for board in ("stm32f746g_disco", "nucleo_h743zi"):
        kernels, network = made_for(board).describe()
        wide, schedule = widest_kernels(kernels, Schedule.of(network, layer_by_layer(network)))
        chosen, _ = block_kernels(wide, schedule)
        blocked[board] = {i for i, k in enumerate(chosen) if k.config.get("together")}
    assert blocked["nucleo_h743zi"] < blocked["stm32f746g_disco"]
