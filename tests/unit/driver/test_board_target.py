"""A board's target is its core's, with the memories of the board, or of the one that it stands for."""

from __future__ import annotations

import pytest

from microtvm_project.boards import BOARDS
from tvm_patch.driver.board_target import target_of
from tvm_patch.errors import UserError
from tvm_patch.targets import CORTEX_M7, get_target


@pytest.mark.parametrize("board", BOARDS)
def test_core_and_memories(board):
    target, timing = target_of(board), BOARDS[board].timing
    assert target.name == BOARDS[board].cpu
    assert target.runs_kernels_of(get_target(target.name))
    assert (target.memory is None) == (timing is None)
    if timing is not None:
        assert target.memory.cache == timing.data.size
        assert target.memory.flash_line == timing.flash_line


def test_emulated_boards_have_no_memories_of_their_own():
    assert target_of("qemu_m7") == CORTEX_M7
    assert target_of("qemu_m7", "stm32f746g_disco") == target_of("stm32f746g_disco")
    assert target_of("host", "stm32f746g_disco").name == "host"


def test_ram_answers_at_once_where_all_of_it_is_tightly_coupled():
    memory = target_of("stm32f746g_disco").memory
    assert memory.with_ram_of(60 * 1024).ram_line == 0
    assert memory.with_ram_of(60 * 1024 + 1).ram_line == memory.ram_line == 3


def test_an_unknown_board_is_refused():
    with pytest.raises(UserError, match="unknown board 'arduino'"):
        target_of("arduino")
