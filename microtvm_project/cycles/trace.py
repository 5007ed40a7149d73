"""Which blocks QEMU executed and what a board's caches would fetch, from our plugin."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from microtvm_project.artifact import InputSet
from microtvm_project.boards import Board
from microtvm_project.build import FLASH_SECTIONS, Firmware
from microtvm_project.cycles.estimate import Cycles
from microtvm_project.elf import Symbol, read_elf
from microtvm_project.linker import TEMPLATES
from microtvm_project.memory_timing import NO_CACHE, MemoryTiming
from microtvm_project.runners import transport_to
from microtvm_project.session import Session
from microtvm_project.tools import find_tool
from tvm_patch.errors import BoardError
from tvm_patch.targets.pipeline import block_cost

_CODE_SECTIONS = tuple(s for s in FLASH_SECTIONS if s.endswith(("text", "library")))
_OUTPUT = "out"
_NOTHING_WAITS = MemoryTiming(NO_CACHE, NO_CACHE, 0, 0, 0)


class Block(NamedTuple):
    """Instructions that are executed one after the other."""

    address: int
    lines: tuple[str, ...]


@dataclass
class Part:
    """What was executed between one call of the split function and the next.

    Attributes
    ----------
    executions : dict of int to int
        By number of a block.
    fetched, flash_lines, ram_lines : int
        Lines fetched for instructions, and for data from flash and from RAM.
    unaligned : int
        Loads whose address is no multiple of their size.
    """

    fetched: int = 0
    flash_lines: int = 0
    ram_lines: int = 0
    unaligned: int = 0
    executions: dict[int, int] = field(default_factory=dict)


@dataclass
class Trace:
    """What was executed of the model's code and the libraries it uses.

    Attributes
    ----------
    cpu : str
        Of the board.
    timing : MemoryTiming
        Of the board whose memories are reckoned with.
    """

    cpu: str
    timing: MemoryTiming = _NOTHING_WAITS
    blocks: list[Block] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def instructions(self, part: Part) -> int:
        """Return how many instructions a part is."""
        return sum(len(self.blocks[at].lines) * n for at, n in part.executions.items())

    def cycles(self, part: Part) -> Cycles:
        """Return the estimate of its cycles."""
        issue = stalls = 0.0
        for at, n in part.executions.items():
            cost = block_cost(self.blocks[at].lines, self.cpu)
            issue += cost.issue * n
            stalls += cost.result_stalls * n
        timing = self.timing
        return Cycles(
            issue=round(issue),
            result_stalls=round(stalls),
            unaligned=round(part.unaligned * timing.unaligned),
            fetch=round(part.fetched * timing.flash_line),
            flash_data=round(part.flash_lines * timing.flash_line),
            ram_data=round(part.ram_lines * timing.ram_line),
        )

    def read(self, lines: Iterable[str]) -> None:
        """Read what the plugin wrote; its own text says what that is.

        Raises
        ------
        BoardError
            When it is something else.
        """
        left = iter(lines)
        try:
            for line in left:
                kind, *rest = line.split()
                numbers = [int(n, 16) for n in rest]
                if kind == "B":
                    address, count = numbers
                    text = tuple(_text(line) for line in islice(left, count))
                    if len(text) != count:
                        raise ValueError(f"the block at {address:#x} ends early")
                    self.blocks.append(Block(address, text))
                elif kind == "P":
                    fetched, flash_lines, ram_lines, unaligned = numbers
                    self.parts.append(Part(fetched, flash_lines, ram_lines, unaligned))
                elif kind == "C" and numbers[0] < len(self.blocks):
                    number, executions = numbers
                    self.parts[-1].executions[number] = executions
                else:
                    raise ValueError(f"{line.strip()!r}")
        except (ValueError, IndexError) as e:
            raise BoardError(f"what was written about the run cannot be read: {e}") from e


def _text(line: str) -> str:
    return " ".join(line.split())


def trace_program(
    firmware: Firmware,
    elf: Path,
    inputs: InputSet,
    timeout: float,
    split: str | None = None,
) -> Trace:
    """Run a program on QEMU and say which of the model's code it executed.

    Parameters
    ----------
    firmware : Firmware
        For a QEMU board; the memories are those of the board that it stands for.
    elf : Path
        One of its programs.
    inputs : input set
        Of one inference.
    timeout : float
        Seconds.
    split : str, optional
        A function of the harness at whose call a part of the trace ends.

    Raises
    ------
    BoardError
        As for every run, or when the plugin cannot be compiled.
    ToolMissingError
        When there is no gcc for this machine.
    """
    symbols = read_elf(elf).symbols
    trace = Trace(firmware.board.cpu, firmware.sizes_of.timing or _NOTHING_WAITS)
    ram_bytes = firmware.artifact.metadata.arena_bytes + (firmware.static_bytes or 0) + firmware.stack_reserve
    ends = next((s.address for s in symbols if s.name == split), 0)
    with tempfile.TemporaryDirectory(prefix="tvm-patch-") as name:
        folder = Path(name)
        ram_is_cached = ram_bytes > trace.timing.tightly_coupled
        options = plugin_options(
            folder, _functions(symbols), firmware.board, trace.timing, ram_is_cached, ends
        )
        transport = transport_to(firmware, elf, options=options)
        with Session(firmware.artifact, transport, firmware.board.name, retries=0) as session:
            session.run(inputs, seconds=timeout)
            transport.end()
        read_output(trace, folder)
    return trace


def _functions(symbols: Iterable[Symbol]) -> list[Symbol]:
    return [s for s in symbols if s.is_function and s.section in _CODE_SECTIONS]


def plugin_options(
    folder: Path,
    functions: Iterable[Symbol],
    board: Board,
    timing: MemoryTiming,
    ram_is_cached: bool,
    split: int = 0,
) -> list[str]:
    """Compile the plugin and return QEMU's options that load it.

    Parameters
    ----------
    folder : Path
        Where it goes, and what it writes; :func:`read_output` reads that when QEMU has ended.
    functions : iterable of Symbol
        The code to look at.
    board : Board
        QEMU's: its addresses count.
    timing : MemoryTiming
        Its caches are simulated.
    ram_is_cached : bool
        Whether the data cache serves RAM, if RAM has wait states at all.
    split : int
        Address of the function at whose call a part ends; 0 for none.

    Raises
    ------
    BoardError
        The plugin does not compile.
    ToolMissingError
        There is no gcc for this machine.
    """
    plugin, code, out = (folder / name for name in ("trace.so", "code", _OUTPUT))
    _compile(plugin)
    code.write_text("".join(f"{s.address:x} {s.address + s.size:x}\n" for s in functions))
    caches = {"instruction": timing.instruction, "data": timing.data}
    options = {
        "out": str(out),
        "code": str(code),
        "split": f"{split:x}",
        "flash": f"{board.memory('FLASH').origin:x}",
        "ram": str(int(ram_is_cached and timing.ram_line > 0)),
        **{k: f"{c.sets:x}:{c.ways:x}:{c.line:x}" for k, c in caches.items()},
    }
    return ["-plugin", ",".join([str(plugin), *(f"{k}={v}" for k, v in options.items())])]


def read_output(trace: Trace, folder: Path) -> None:
    """Read what the plugin left in its folder.

    Raises
    ------
    BoardError
        It left nothing, or something else.
    """
    try:
        with (folder / _OUTPUT).open(encoding="utf-8") as text:
            trace.read(text)
    except FileNotFoundError:
        raise BoardError("QEMU did not load the plugin that traces: nothing was written") from None


def _compile(plugin: Path) -> None:
    source = TEMPLATES / "qemu_plugin" / "trace.c"
    command = [find_tool("gcc"), "-O2", "-shared", "-fPIC", str(source), "-o", str(plugin)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BoardError(f"the plugin for QEMU does not compile: {done.stderr.strip()}")
