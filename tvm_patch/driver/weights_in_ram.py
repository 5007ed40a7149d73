"""Weights that are copied from flash to RAM at start, where a board's memory has room beside the arena."""

from __future__ import annotations

from typing import Literal, get_args

from microtvm_project.boards import get_board
from tvm_patch.lowering.program import Program
from tvm_patch.lowering.ram_constants import RamConstants, choose_ram_constants
from tvm_patch.targets.data_memory import STACK_BYTES

WeightsInRam = Literal["none", "auto"]
"""``none``: weights stay in flash.  ``auto``: those that save most for a byte lie in RAM, as far as it has room."""

WEIGHTS_IN_RAM: tuple[WeightsInRam, ...] = get_args(WeightsInRam)

_BESIDE = 2 * STACK_BYTES
"""Bytes of a board's SRAM that are left for stack and static data, as plans leave them."""


def choose_weights_in_ram(program: Program, board: str, sram: int | None) -> tuple[RamConstants, str]:
    """Choose what is copied to RAM at start, and say what that is, or why it is nothing.

    RAM that answers at once, in a Cortex-M7's tightly coupled memory, is worth more than weights: where the arena fits
    it, weights only take what is left of it.

    Parameters
    ----------
    program : Program
    board : str
        Whose memories count.
    sram : int or None
        Most bytes of arena and weights together, if less than the board has.
    """
    named, memory, arena = get_board(board), program.target.memory, program.schedule.arena_bytes
    if memory is None:
        return RamConstants(), f"no weights were put in RAM: of {board} it is not known that flash is slower"
    memory = memory.with_ram_of(arena)
    limit = named.memory("SRAM").length - _BESIDE
    if arena + STACK_BYTES <= memory.tightly_coupled:
        limit = min(limit, memory.tightly_coupled - STACK_BYTES)
    limit = min(limit, sram) if sram is not None else limit
    found = choose_ram_constants(program, memory, limit - arena)
    if memory.flash_line <= memory.ram_line:
        return found, f"no weights were put in RAM: flash of {board} answers as fast"
    if not found.size:
        return found, f"no weights were put in RAM: {max(0, limit - arena):,} bytes are left beside the arena"
    return found, (
        f"{found.size:,} bytes of weights are copied to RAM at start: "
        f"an inference waits about {found.saved_cycles:,} cycles less"
    )
