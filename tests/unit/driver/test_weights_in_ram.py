"""Weights in RAM: those that save most, as far as there is room, and in words what was done or why not."""

from __future__ import annotations

import re

import pytest

import tvm_patch
from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import legalize
from tvm_patch.driver.weights_in_ram import choose_weights_in_ram
from tvm_patch.errors import UserError
from tvm_patch.lowering.program import constant_table
from tvm_patch.lowering.ram_constants import choose_ram_constants
from tvm_patch.planner.choose import Request
from tvm_patch.targets import DataMemory
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

ART = DataMemory(256, 32, 5.0, 0.0)


@pytest.fixture(scope="module")
def model():
    return write_model(build("mlperf_kws"))


@pytest.fixture(scope="module")
def programs(model):
    boards = ("nucleo_l4r5zi", "stm32f746g_disco", "host", "qemu_m7")
    return {b: legalize(model, target=target_of(b)).lower() for b in boards}


def test_what_is_read_most_often_comes_first(programs):
    program = programs["nucleo_l4r5zi"]
    arrays, _ = constant_table(program)
    everything = choose_ram_constants(program, ART, 1 << 20)
    assert everything.size == sum(arrays[s].nbytes for s in everything.symbols)
    assert everything.size > 0.9 * program.constant_bytes
    kinds = [program.steps[int(re.match(r"op(\d+)_", s)[1])].ops[0].kind for s in everything.symbols]
    assert kinds[0] == "conv2d"
    assert kinds[-1] == "fully_connected", "read once an inference"


def test_no_more_than_there_is_room(programs):
    program = programs["nucleo_l4r5zi"]
    saved = []
    for room in (0, 100, 5000, 10_000, 30_000):
        found = choose_ram_constants(program, ART, room)
        assert found.size <= room
        saved.append(found.saved_cycles)
    assert saved == sorted(saved)
    assert saved[0] == 0 < saved[-1]


def test_nothing_is_gained_where_ram_is_no_faster(programs):
    assert choose_ram_constants(programs["nucleo_l4r5zi"], DataMemory(4096, 32, 3.0, 3.0), 1 << 20).size == 0


def test_what_is_said(programs):
    found, note = choose_weights_in_ram(programs["nucleo_l4r5zi"], "nucleo_l4r5zi", None)
    assert note.startswith(
        f"{found.size:,} bytes of weights are copied to RAM at start: an inference waits about "
    )
    arena = programs["nucleo_l4r5zi"].schedule.arena_bytes
    found, note = choose_weights_in_ram(programs["nucleo_l4r5zi"], "nucleo_l4r5zi", arena + 10)
    assert (found.size, note) == (0, "no weights were put in RAM: 10 bytes are left beside the arena")
    for board in ("host", "qemu_m7"):
        found, note = choose_weights_in_ram(programs[board], board, 1 << 20)
        assert found.size == 0
        assert note == f"no weights were put in RAM: of {board} it is not known that flash is slower"


def test_weights_do_not_push_an_arena_out_of_tightly_coupled_memory(programs):
    program = programs["stm32f746g_disco"]
    found, _ = choose_weights_in_ram(program, "stm32f746g_disco", None)
    assert 0 < found.size <= 64 * 1024 - 4096 - program.schedule.arena_bytes


def test_compiled(model):
    plain = tvm_patch.compile(model, board="nucleo_l4r5zi")
    sram = plain.arena_bytes + 20_000
    for limit, least in ((None, 20_001), (sram, 1)):
        plan = None if limit is None else Request(scheme="layer", sram=limit)
        artifact = tvm_patch.compile(model, board="nucleo_l4r5zi", plan=plan, weights_in_ram="auto")
        size = artifact.metadata.ram_constant_bytes
        assert least <= size
        assert limit is None or artifact.arena_bytes + size <= limit
        assert any("copied to RAM" in note for note in artifact.metadata.notes)
        source = next(t for f, t in artifact.contents.files.items() if f.endswith("_lib1.c")).decode()
        moved = re.findall(r"^(?:TVMP_WORD_ALIGNED )?int(\d+)_t \w+_stream\[(\d+)\] = ", source, re.MULTILINE)
        assert sum(int(bits) // 8 * int(count) for bits, count in moved) == size
    assert plain.metadata.ram_constant_bytes == 0
    assert not any("RAM" in note for note in plain.metadata.notes)


def test_an_unknown_choice_is_refused(model):
    with pytest.raises(UserError, match="weights_in_ram 'all' is unknown; use none, auto"):
        tvm_patch.compile(model, weights_in_ram="all")
