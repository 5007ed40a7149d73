"""Which weights are worth a place in RAM: those that an inference streams from slow flash most often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tvm_patch.lowering.program import Program, constant_table
from tvm_patch.lowering.variants import alone_operators
from tvm_patch.targets import DataMemory


@dataclass(frozen=True)
class RamConstants:
    """Constants that are copied to RAM at start.

    Attributes
    ----------
    symbols : tuple of str
        Names of :func:`constant_table`.
    size : int
        Bytes.
    saved_cycles : int
        What an inference waits less for them, by the estimate of how often it reads them.
    """

    symbols: tuple[str, ...] = ()
    size: int = 0
    saved_cycles: int = 0


def choose_ram_constants(program: Program, memory: DataMemory, room: int) -> RamConstants:
    """Return the constants that save most for every byte, as long as there is room.

    Parameters
    ----------
    program : Program
    memory : DataMemory
        The board's, with RAM as it is for the program's arena (:meth:`DataMemory.with_ram_of`).
    room : int
        Bytes of RAM beside the arena.
    """
    saved = memory.flash_line - memory.ram_line
    if saved <= 0:
        return RamConstants()
    arrays, _ = constant_table(program)
    reads, chosen, cycles = _reads(program, memory), list[str](), 0.0
    for symbol in sorted(reads, key=lambda s: (-reads[s], -arrays[s].nbytes)):
        size = arrays[symbol].nbytes
        if size <= room:
            chosen.append(symbol)
            room -= size
            cycles += reads[symbol] * size / memory.line * saved
    return RamConstants(tuple(chosen), sum(int(arrays[s].nbytes) for s in chosen), round(cycles))


def _reads(program: Program, memory: DataMemory) -> Mapping[str, int]:
    """Return how often an inference streams each constant that it streams at all."""
    _, symbols = constant_table(program)
    alone, reads = alone_operators(program.schedule), dict[str, int]()
    for step in program.steps:
        for parameter in step.code.parameters:
            if parameter.role == "constant":
                kernel, at = step.kernels[parameter.part], step.layout.operators[parameter.part].index
                symbol = symbols[step.index, parameter.name]
                many = kernel.constant_reads(memory, alone=at in alone)
                reads[symbol] = reads.get(symbol, 0) + many
    return {symbol: many for symbol, many in reads.items() if many}
