"""Which blocks QEMU executed, how often and in which order, from its log."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from microtvm_project.artifact import InputSet
from microtvm_project.build import FLASH_SECTIONS, Firmware
from microtvm_project.runners import transport_to
from microtvm_project.session import Session
from tvm_patch.targets.pipeline import block_cost

_CODE_SECTIONS = tuple(s for s in FLASH_SECTIONS if s.endswith(("text", "library")))


@dataclass
class Trace:
    """What was executed of the model's code and the libraries it uses.

    Attributes
    ----------
    cpu : str
        Of the board.
    blocks : dict of int to tuple of str
        Disassembly by address.
    parts : list of Counter
        Executions by address, between one call of the split function and the next.
    """

    cpu: str
    blocks: dict[int, tuple[str, ...]] = field(default_factory=dict)
    parts: list[Counter[int]] = field(default_factory=lambda: [Counter()])

    def instructions(self, part: Counter[int]) -> int:
        """Return how many instructions a part is."""
        return sum(len(self.blocks.get(at, ())) * n for at, n in part.items())

    def cycles(self, part: Counter[int]) -> int:
        """Return the estimate of its cycles."""
        return round(sum(block_cost(self.blocks.get(at, ()), self.cpu).cycles * n for at, n in part.items()))

    def read(self, lines: Iterable[bytes], code: Collection[range], split_at: int | None) -> None:
        """Read QEMU's log.

        Parameters
        ----------
        lines : iterable of bytes
            Of ``-d exec,nochain,in_asm``.
        code : collection of range
            Addresses of what counts.
        split_at : int or None
            Address of a function at whose call a part ends.
        """
        part, inside = self.parts[-1], _Inside(code)
        block: list[str] = []
        start = -1
        for line in lines:
            if line.startswith(b"Trace"):
                at = int(line.split(b"/", 2)[1], 16)
                if inside[at]:
                    part[at] += 1
                elif at == split_at:
                    part = Counter()
                    self.parts.append(part)
            elif line.startswith(b"0x"):
                address, _, rest = line.decode("latin-1").partition(":")
                if start < 0:
                    start = int(address, 16)
                block.append(_text(rest))
            elif line.startswith(b"IN:"):
                block, start = [], -1
            elif start >= 0:
                # A block may be cut where the clock is read; the longest is the usual one.
                if len(block) > len(self.blocks.get(start, ())):
                    self.blocks[start] = tuple(block)
                start = -1


class _Inside(dict[int, bool]):
    """Remembers which addresses count."""

    def __init__(self, code: Collection[range]) -> None:
        super().__init__()
        self.code = code

    def __missing__(self, at: int) -> bool:
        self[at] = any(at in addresses for addresses in self.code)
        return self[at]


def _text(rest: str) -> str:
    """Return the instruction of a line without its encoding: one or two groups of four digits."""
    words = rest.split()
    while words and len(words[0]) == 4 and all(c in "0123456789abcdef" for c in words[0]):
        words = words[1:]
    return " ".join(words)


def trace_program(
    firmware: Firmware, elf: Path, inputs: InputSet, timeout: float, split: str | None = None
) -> Trace:
    """Run a program on QEMU and say which of the model's code it executed.

    Parameters
    ----------
    firmware : Firmware
        For a QEMU board.
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
        As for every run.
    """
    from microtvm_project.elf import read_elf

    symbols = read_elf(elf).symbols
    code = [
        range(s.address, s.address + s.size) for s in symbols if s.is_function and s.section in _CODE_SECTIONS
    ]
    split_at = next((s.address for s in symbols if split is not None and s.name == split), None)
    trace = Trace(firmware.board.cpu)
    with tempfile.TemporaryDirectory(prefix="tvm-patch-") as folder:
        pipe = Path(folder) / "log"
        os.mkfifo(pipe)

        def read() -> None:
            with pipe.open("rb") as log:
                trace.read(log, code, split_at)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        options = ["-d", "exec,nochain,in_asm", "-D", str(pipe)]
        transport = transport_to(firmware, elf, options=options)
        try:
            with Session(firmware.artifact, transport, firmware.board.name, retries=0) as session:
                session.run(inputs, seconds=timeout)
        finally:
            # Where QEMU never opened the log, the reader still waits for a writer.
            with contextlib.suppress(OSError):
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
            reader.join()
    return trace
