"""Loops are ordered by a board's memories, in what the arena has left over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import legalize
from tvm_patch.lowering.block_kernels import block_kernels
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

MODEL = write_model(build("mlperf_ic"))


def made_for(board, *, memories=True):
    target = target_of(board)
    return legalize(MODEL, target=target if memories else replace(target, memory=None))


def kernels_of(program):
    return [k for step in program.steps for k in step.kernels]


def together(program):
    """The operators that widen more than one tile."""
    return {i for i, k in enumerate(kernels_of(program)) if k.config.get("together")}


@pytest.mark.parametrize("way", ["layer", "plan"])
def test_the_arena_stays_as_it_is(way):
    programs = []
    for memories in (True, False):
        legalized = made_for("stm32f746g_disco", memories=memories)
        _, network = legalized.describe()
        schedule = Search(network, "resident").least_memory().schedule if way == "plan" else None
        programs.append(legalized.lower(schedule))
    ordered, plain = programs
    assert ordered.schedule.arena_bytes == plain.schedule.arena_bytes
    assert ordered.schedule == Schedule.of(ordered.network, ordered.schedule.segments)
    given = [op.scratch_bytes for op in ordered.network.operators]
    assert all(g >= k.scratch_bytes for g, k in zip(given, kernels_of(ordered), strict=True))
    assert not together(plain)
    # Where blocks of Winograd take all that is free there is nothing left to order.
    assert way == "plan" or len(together(ordered)) >= 2


@pytest.mark.parametrize("board", ["qemu_m7", "host", "nucleo_l4r5zi"])
def test_nothing_changes_without_a_cache_of_any_size(board):
    legalized = made_for(board)
    kernels, network = legalized.describe()
    schedule = Schedule.of(network, layer_by_layer(network))
    assert block_kernels(kernels, schedule) == (kernels, schedule)


def test_streams_that_fit_a_larger_cache_are_left_alone():
    small, large = (together(made_for(board).lower()) for board in ("stm32f746g_disco", "nucleo_h743zi"))
    assert large < small
