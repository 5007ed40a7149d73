"""The boards that firmware can be built for: one table, data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from microtvm_project.memory_timing import Cache, MemoryTiming, cortex_m7_caches, first_word
from tvm_patch.errors import UserError

KIB = 1024
MIB = 1024 * KIB

Runner = Literal["host", "qemu", "zephyr"]


@dataclass(frozen=True)
class Memory:
    """A range of a board's memory.

    Attributes
    ----------
    name : str
        ``"SRAM"``, ``"DTCM"`` (tightly coupled: single cycle, no DMA on some chips) or ``"FLASH"``.
    origin, length : int
        First address and bytes.
    """

    name: str
    origin: int
    length: int


@dataclass(frozen=True)
class Board:
    """A board, real or emulated, or the machine at hand.

    Attributes
    ----------
    name : str
        What ``--board`` and ``--as`` call it.
    cpu : str
        ``"cortex-m4"``, ``"cortex-m7"``, ``"cortex-m55"`` or ``"host"``.
    core_flags : tuple of str
        What gcc needs to know of the core.
    memories : tuple of Memory
        At most one of each name.
    clock_hz : int or None
        Core clock; None where time means nothing.
    console : str
        Where the firmware talks: ``"usart3"``, ``"semihosting"``, ``"pipe"``.
    runner : {"host", "qemu", "zephyr"}
        What runs firmware on it.
    qemu_machine : str or None
        For emulated boards, the argument of QEMU's ``-M``.
    timing : MemoryTiming or None
        What its memories cost; None where they answer at once, as on emulated boards.
    """

    name: str
    cpu: str
    core_flags: tuple[str, ...]
    memories: tuple[Memory, ...]
    clock_hz: int | None
    console: str
    runner: Runner
    qemu_machine: str | None = None
    timing: MemoryTiming | None = None

    def memory(self, name: str) -> Memory:
        """Give the memory of that name.

        Raises
        ------
        KeyError
            The board has none.
        """
        for memory in self.memories:
            if memory.name == name:
                return memory
        raise KeyError(f"{self.name} has no {name}")


def _core(cpu: str, fpu: str) -> tuple[str, ...]:
    return (f"-mcpu={cpu}", "-mthumb", f"-mfpu={fpu}", "-mfloat-abi=hard")


_M4 = _core("cortex-m4", "fpv4-sp-d16")
_M7_SINGLE = _core("cortex-m7", "fpv5-sp-d16")
_M7_DOUBLE = _core("cortex-m7", "fpv5-d16")
_M55 = ("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard")


def _memories(sram: tuple[int, int], dtcm: int, flash: int) -> tuple[Memory, ...]:
    regions = [Memory("SRAM", *sram), Memory("FLASH", 0x08000000, flash)]
    if dtcm:
        regions.append(Memory("DTCM", 0x20000000, dtcm))
    return tuple(regions)


_F746 = _memories((0x20010000, 256 * KIB), 64 * KIB, MIB)

# An unaligned load costs 3 to 4 cycles (jnk0le/random).  What a line costs follows from wait states at the board's
# clock: flash has 7 at 216 MHz (RM0385, table 5), 4 of a bus at half the core's 480 MHz (RM0433, table 17), 6 at
# 280 MHz (RM0455, table 15); SRAM has none.
_UNALIGNED = 3.5


def _cortex_m7(
    cache_kib: int, tightly_coupled_kib: int, wait_states: int, per_bus_cycle: int = 1
) -> MemoryTiming:
    flash, sram = (first_word(waits, per_bus_cycle) for waits in (wait_states, 0))
    return MemoryTiming(*cortex_m7_caches(cache_kib), flash, sram, _UNALIGNED, tightly_coupled_kib * KIB)


def _cortex_m4(instruction_lines: int, line_bytes: int, wait_states: int) -> MemoryTiming:
    """Return ST's ART accelerator: so many lines of instructions and eight of constants before the flash."""
    return MemoryTiming(
        Cache(1, instruction_lines, line_bytes), Cache(1, 8, line_bytes), float(wait_states), 0.0, 1.0
    )


_F7_TIMING = _cortex_m7(4, 64, 7)
_F767_TIMING = _cortex_m7(16, 128, 7)
_H743_TIMING = _cortex_m7(16, 128, 4, 2)
_H7A3_TIMING = _cortex_m7(16, 128, 6)
# 64 lines of 128 bits on the F4 (RM0402, 3.5.2; RM0390), 32 of 256 on the L4+ (RM0432, 3.4.1).
_F412_TIMING = _cortex_m4(64, 16, 3)
_F446_TIMING = _cortex_m4(64, 16, 5)
_L4R5_TIMING = _cortex_m4(32, 32, 5)

QEMU_SRAM_BYTES = 4 * MIB - 64 * KIB
"""What the mps2 machines have at 0x20000000, less room for the guard behind the arena."""

QEMU_FLASH_BYTES = 8 * MIB
"""Half of the machines' PSRAM stands for flash; the other half is the harness's."""


def _qemu(name: str, cpu: str, flags: tuple[str, ...], machine: str, psram: int) -> Board:
    regions = (Memory("SRAM", 0x20000000, QEMU_SRAM_BYTES), Memory("FLASH", psram, QEMU_FLASH_BYTES))
    return Board(name, cpu, flags, regions, None, "semihosting", "qemu", machine)


def _zephyr_qemu(
    name: str,
    cpu: str,
    flags: tuple[str, ...],
    machine: str,
    sram: tuple[int, int],
    flash: tuple[int, int],
) -> Board:
    """Return a board that Zephyr knows and QEMU emulates, with the memories of Zephyr's devicetree."""
    regions = (Memory("SRAM", *sram), Memory("FLASH", *flash))
    return Board(name, cpu, flags, regions, None, "uart0", "zephyr", machine)


_TABLE = (
    Board("host", "host", (), (), None, "pipe", "host"),
    _qemu("qemu_m7", "cortex-m7", _M7_DOUBLE, "mps2-an500", 0x60000000),
    _qemu("qemu_m4", "cortex-m4", _M4, "mps2-an386", 0x21000000),
    Board(
        "nucleo_f412zg",
        "cortex-m4",
        _M4,
        _memories((0x20000000, 256 * KIB), 0, MIB),
        96_000_000,
        "usart3",
        "zephyr",
        timing=_F412_TIMING,
    ),
    Board(
        "nucleo_f446re",
        "cortex-m4",
        _M4,
        _memories((0x20000000, 128 * KIB), 0, 512 * KIB),
        180_000_000,
        "usart2",
        "zephyr",
        timing=_F446_TIMING,
    ),
    Board(
        "nucleo_l4r5zi",
        "cortex-m4",
        _M4,
        _memories((0x20000000, 640 * KIB), 0, 2 * MIB),
        120_000_000,
        "lpuart1",
        "zephyr",
        timing=_L4R5_TIMING,
    ),
    Board(
        "stm32f746g_disco", "cortex-m7", _M7_SINGLE, _F746, 216_000_000, "usart1", "zephyr", timing=_F7_TIMING
    ),
    Board(
        "nucleo_f746zg", "cortex-m7", _M7_SINGLE, _F746, 216_000_000, "usart3", "zephyr", timing=_F7_TIMING
    ),
    Board(
        "nucleo_f767zi",
        "cortex-m7",
        _M7_DOUBLE,
        _memories((0x20020000, 384 * KIB), 128 * KIB, 2 * MIB),
        216_000_000,
        "usart3",
        "zephyr",
        timing=_F767_TIMING,
    ),
    Board(
        "nucleo_h743zi",
        "cortex-m7",
        _M7_DOUBLE,
        _memories((0x24000000, 512 * KIB), 128 * KIB, 2 * MIB),
        480_000_000,
        "usart3",
        "zephyr",
        timing=_H743_TIMING,
    ),
    Board(
        "nucleo_h7a3zi_q",
        "cortex-m7",
        _M7_DOUBLE,
        _memories((0x24000000, 1024 * KIB), 128 * KIB, 2 * MIB),
        280_000_000,
        "usart3",
        "zephyr",
        timing=_H7A3_TIMING,
    ),
    _zephyr_qemu("mps2_an386", "cortex-m4", _M4, "mps2-an386", (0x20000000, 4 * MIB), (0, 4 * MIB)),
    _zephyr_qemu("mps2_an500", "cortex-m7", _M7_DOUBLE, "mps2-an500", (0x20000000, 4 * MIB), (0, 4 * MIB)),
    _zephyr_qemu(
        "mps3_an547", "cortex-m55", _M55, "mps3-an547", (0x30000000, 512 * KIB), (0x10000000, 512 * KIB)
    ),
)

BOARDS: dict[str, Board] = {board.name: board for board in _TABLE}
"""Every board by name."""


def get_board(name: str) -> Board:
    """Find a board by name.

    Raises
    ------
    UserError
        There is no such board; the message lists those there are.
    """
    try:
        return BOARDS[name]
    except KeyError:
        raise UserError(f"unknown board {name!r}; known are {', '.join(BOARDS)}") from None


def check_stand_in(board: Board, stands_for: Board | None) -> None:
    """Check that ``board`` can run firmware, and stand for the other.

    Raises
    ------
    UserError
        It cannot; the message says what can.
    """
    if board.runner == "zephyr":
        twins = [b.name for b in BOARDS.values() if b.runner == "qemu" and b.cpu == board.cpu]
        instead = f", or use board {twins[0]} as {board.name}" if twins else ""
        raise UserError(
            f"{board.name} cannot be run directly; make firmware for it with tvm-patch project create{instead}"
        )
    if stands_for is None:
        return
    if board.runner != "qemu":
        raise UserError(f"{board.name} cannot stand for {stands_for.name}; only qemu_m4 and qemu_m7 can")
    if stands_for.runner == "host" or stands_for.cpu != board.cpu:
        raise UserError(f"{board.name} ({board.cpu}) cannot stand for {stands_for.name} ({stands_for.cpu})")
