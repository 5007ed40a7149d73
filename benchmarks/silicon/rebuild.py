"""Compile a peer's kernels for a board, run a network of them on QEMU, and count what the model of cycles needs."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from microtvm_project.boards import BOARDS, Board
from microtvm_project.build import FLASH_SECTIONS
from microtvm_project.cycles.trace import Trace, plugin_options, read_output
from microtvm_project.elf import Symbol, read_elf
from microtvm_project.linker import STACK_PAINT, TEMPLATES, harness_origin
from microtvm_project.memory_timing import MemoryTiming
from microtvm_project.runners import qemu_command
from microtvm_project.toolchain import CROSS
from microtvm_project.tools import find_tool
from tvm_patch.errors import BoardError

HERE = Path(__file__).parent
_HARNESS = ("startup.c", "semihosting.c")
_QUIET = ("-w", "-ffunction-sections", "-fdata-sections", "-std=gnu11")
_SECONDS = 600


@dataclass(frozen=True)
class Sources:
    """What a program is made of.

    Attributes
    ----------
    kernels : list of Path
        The peer's C files; those that are not called are dropped by the linker.
    includes : list of Path
        Folders with its headers.
    network : str
        The C file that calls them.
    flags : tuple of str
        How the engine is compiled.
    """

    kernels: list[Path]
    includes: list[Path]
    network: str
    flags: tuple[str, ...]


def run(sources: Sources, board_name: str) -> tuple[list[int], Trace]:
    """Compile, run and count.

    Parameters
    ----------
    sources : Sources
    board_name : str
        The board whose core and memories are reckoned with.

    Returns
    -------
    output : list of int
        What the network computed where every input is 1.
    trace : Trace
        In one part.

    Raises
    ------
    BoardError
        When it does not compile, or a kernel refuses its layer.
    """
    as_board = BOARDS[board_name]
    board = stand_in(as_board)
    assert as_board.timing is not None
    with tempfile.TemporaryDirectory(prefix="tvm-patch-") as name:
        folder = Path(name)
        elf = build(folder, sources, as_board)
        functions = [s for s in read_elf(elf).symbols if s.is_function and s.section in FLASH_SECTIONS]
        return trace_elf(folder, elf, functions, board, as_board.timing)


def trace_elf(
    folder: Path, elf: Path, functions: Sequence[Symbol], board: Board, timing: MemoryTiming
) -> tuple[list[int], Trace]:
    """Run a program and return what it printed, and the trace of some of its functions.

    Parameters
    ----------
    folder : Path
        For files on the way.
    elf : Path
    functions : sequence of Symbol
    board : Board
        QEMU's.
    timing : MemoryTiming
        Its data cache serves flash and all of RAM.

    Raises
    ------
    BoardError
        When the program says that it failed.
    """
    options = plugin_options(folder, functions, board, timing, ram_is_cached=True)
    command = [*qemu_command(board, elf), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise BoardError(f"the program ended with {done.returncode}: {done.stdout}{done.stderr}")
    trace = Trace(board.cpu, timing)
    read_output(trace, folder)
    lines = re.findall(r"^(?:-?\d+ )+$", done.stdout + done.stderr, re.MULTILINE)
    return [int(n) for n in lines[-1].split()], trace


def build(folder: Path, sources: Sources, as_board: Board) -> Path:
    """Compile for QEMU's board of the same core, link, and return the program.

    Raises
    ------
    BoardError
        When the compiler refuses.
    """
    board = stand_in(as_board)
    (folder / "model_network.c").write_text(sources.network)
    qemu = TEMPLATES / "qemu"
    core = [*as_board.core_flags, *_QUIET]
    includes = [f"-I{d}" for d in (folder, HERE, qemu, *sources.includes)]
    defines = [
        f"-DQEMU_FLASH_ORIGIN={board.memory('FLASH').origin}u",
        f"-DQEMU_HARNESS_ORIGIN={harness_origin(board)}u",
        f"-DQEMU_STACK_PAINT={STACK_PAINT}u",
    ]
    jobs = [(HERE / "main.c", "harness_main.o", ("-O2", *defines))]
    jobs += [(qemu / n, f"harness_{n}.o", ("-O2", "-ffreestanding", *defines)) for n in _HARNESS]
    jobs += [(folder / "model_network.c", "model_network.o", sources.flags)]
    jobs += [(f, f"model_{n}_{f.stem}.o", sources.flags) for n, f in enumerate(sources.kernels)]
    for source, target, flags in jobs:
        _call([*core, *includes, *flags, "-c", str(source), "-o", str(folder / target)])
    script = folder / "link.ld"
    script.write_text(_script(board))
    elf = folder / "peer.elf"
    objects = [str(folder / target) for _, target, _ in jobs]
    options = ["-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections", f"-Wl,-T,{script}"]
    _call([*core, *objects, *options, "-Wl,--no-warn-rwx-segments", "-lm", "-o", str(elf)])
    return elf


def stand_in(board: Board) -> Board:
    """Return QEMU's board with the core of another."""
    return next(b for b in BOARDS.values() if b.runner == "qemu" and b.cpu == board.cpu)


def _script(board: Board) -> str:
    template = Template((TEMPLATES / "qemu" / "link.ld.in").read_text(encoding="utf-8"))
    return template.substitute(
        flash_origin=hex(board.memory("FLASH").origin),
        flash_bytes=board.memory("FLASH").length,
        harness_origin=hex(harness_origin(board)),
        sram_bytes=board.memory("SRAM").length,
        stack_bytes=16384,
        arena_bytes=0,
        arena_align=8,
    )


def _call(arguments: Sequence[str]) -> None:
    done = subprocess.run([find_tool(CROSS), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BoardError(f"{CROSS} failed: {done.stderr[:2000]}")
