"""Build an artifact for a board, run it on inputs, and report what it computed and what it cost."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from microtvm_project.artifact import InputSet, order_inputs
from microtvm_project.boards import Board
from microtvm_project.build import FLASH_SECTIONS, Firmware, build_firmware
from microtvm_project.cycles import Cycles, add, trace_program
from microtvm_project.elf import Symbol
from microtvm_project.runners import transport_to
from microtvm_project.session import Inference, Session
from tvm_patch.errors import BoardError, InputError

TIMEOUT = 300.0
"""Seconds for one program, all input sets together."""


@dataclass(frozen=True)
class RunResult:
    """What a run computed and cost.  Sizes are in bytes; None where the board cannot tell.

    Attributes
    ----------
    outputs : list of list of ndarray
        Per input set, the model's outputs.
    instructions : int or None
        Of the first set's inference, without hooks: from the first instruction of the run function to its
        return, both included.  When rows are fetched, the firmware's copying of them counts too, as a word-by-word
        copy from memory would on a board; what the board waits for them does not.
    set_instructions : list of int
        The same for every set; empty where not counted.
    operator_instructions : list of int or None
        Per operator, for the first set; the cost of the hooks is taken off.
    arena_bytes : int
        Activations, row buffers, scratch, inputs and outputs.
    static_bytes : int or None
        .data and .bss of the model and the libraries it uses; not the arena, not the harness.
    stack_bytes : int or None
        High-water mark of the stack on which the run function was called, and nothing else; fetching a row uses it
        too.
    sram_bytes : int or None
        The sum of the three.
    flash_bytes : int or None
        Code and constants of the model and the libraries it uses.
    model_flash_bytes : int or None
        The artifact's own part of it.
    elf_flash_bytes : int or None
        ``flash_bytes`` and the harness.
    sections : dict of str to int
        The ELF's output sections.
    rows_read : list of int
        Per set, rows of all fetched inputs that were fetched; empty when all inputs are in the arena.
    flash_symbols : tuple of Symbol
        Functions and constants that ``flash_bytes`` counts; empty on the host.
    cycles : Cycles or None
        An estimate for the core and the memories of the board; see :mod:`microtvm_project.cycles`.
    operator_cycles : list of Cycles or None
        Per operator, for the first set; None where a segment has several operators or is cut: they then take turns.
    """

    outputs: list[list[np.ndarray]]
    instructions: int | None
    set_instructions: list[int]
    operator_instructions: list[int] | None
    arena_bytes: int
    static_bytes: int | None
    stack_bytes: int | None
    sram_bytes: int | None
    flash_bytes: int | None
    model_flash_bytes: int | None
    elf_flash_bytes: int | None
    sections: dict[str, int]
    rows_read: list[int] = field(default_factory=list)
    flash_symbols: tuple[Symbol, ...] = ()
    cycles: Cycles | None = None
    operator_cycles: list[Cycles] | None = None


def run(
    artifact_dir: str | Path,
    board: str | Board,
    inputs: Sequence[InputSet],
    *,
    as_board: str | Board | None = None,
    timeout: float = TIMEOUT,
    profile: bool = True,
    cycles: bool = False,
    **build_options: Any,
) -> RunResult:
    """Build an artifact in a temporary folder and run it.

    Parameters
    ----------
    artifact_dir, board, as_board
        As for :func:`microtvm_project.build_firmware`.
    inputs : sequence of input sets
        Each a mapping from input name to array, or the arrays in the model's order.
    timeout : float
        Seconds for each program that is run.
    profile : bool
        Also count instructions per operator, which takes a second program and a second run of the first set.
    cycles : bool
        Also estimate the cycles of the first set, which takes another run, and with `profile` two.
    **build_options
        Further options of :func:`microtvm_project.build_firmware`.

    Raises
    ------
    InputError
        An input has the wrong shape or dtype.
    BoardError
        The firmware does not compile, crashed, took too long or answered nonsense.
    FirmwareOverflowError
        It does not fit the board.
    ToolMissingError, UserError
        As for :func:`microtvm_project.build_firmware`.
    """
    with tempfile.TemporaryDirectory(prefix="tvm-patch-") as folder:
        firmware = build_firmware(
            artifact_dir, board, folder, as_board=as_board, profile=profile, **build_options
        )
        return run_firmware(firmware, inputs, timeout=timeout, cycles=cycles)


def run_firmware(
    firmware: Firmware, inputs: Sequence[InputSet], *, timeout: float = TIMEOUT, cycles: bool = False
) -> RunResult:
    """Run firmware that is already built; see :func:`run`."""
    artifact = firmware.artifact
    for index, one in enumerate(inputs):
        try:
            order_inputs(artifact, one)
        except InputError as e:
            raise InputError(f"input set {index}: {e}") from e
    runs = _run_sets(firmware, inputs, timeout)
    counted = [r.cost for r in runs if r.unit == "instructions"]
    operators = None
    if firmware.profile_elf is not None and inputs:
        with Session(
            artifact, transport_to(firmware, firmware.profile_elf), firmware.board.name, retries=0
        ) as s:
            profile = s.profile(inputs[0], seconds=timeout)
        same = zip(profile.inference.outputs, runs[0].outputs, strict=True)
        if any(a.tobytes() != b.tobytes() for a, b in same):
            raise BoardError(
                f"{artifact.metadata.model_name}: the program with profile hooks gives other outputs"
            )
        operators = [o.cost for o in profile.operators]
    # Cycles are told apart by the order in which operators end, so by operator only where each ends once.
    by_one = all(len(s.operators) == s.bands == 1 and not s.patch_rows for s in artifact.metadata.segments)
    estimated = cycles and bool(inputs) and firmware.board.runner == "qemu"
    stack = max((r.stack_bytes for r in runs if r.stack_bytes is not None), default=None)
    sram = None
    if firmware.static_bytes is not None and stack is not None:
        sram = artifact.metadata.arena_bytes + firmware.static_bytes + stack
    return RunResult(
        outputs=[r.outputs for r in runs],
        instructions=counted[0] if counted else None,
        set_instructions=counted,
        operator_instructions=operators,
        arena_bytes=artifact.metadata.arena_bytes,
        static_bytes=firmware.static_bytes,
        stack_bytes=stack,
        sram_bytes=sram,
        flash_bytes=firmware.flash_bytes,
        model_flash_bytes=firmware.model_flash_bytes,
        elf_flash_bytes=firmware.elf_flash_bytes,
        sections=firmware.sections,
        rows_read=[r.rows_read for r in runs] if artifact.fetched else [],
        flash_symbols=tuple(s for s in firmware.symbols if s.section in FLASH_SECTIONS),
        cycles=whole_cycles(firmware, inputs[0], timeout) if estimated else None,
        operator_cycles=operator_cycles(firmware, inputs[0], timeout)
        if estimated and operators and by_one
        else None,
    )


def _run_sets(firmware: Firmware, inputs: Sequence[InputSet], timeout: float) -> list[Inference]:
    """Run every set in one program, within the time for all of them."""
    end = time.monotonic() + timeout
    runs = []
    with Session(
        firmware.artifact, transport_to(firmware, firmware.elf), firmware.board.name, retries=0
    ) as session:
        for index, one in enumerate(inputs):
            # Filled differently for each, so that a model that reads what it never wrote shows.
            runs.append(session.run(one, salt=index, seconds=max(end - time.monotonic(), 0.001)))
    return runs


def whole_cycles(firmware: Firmware, inputs: InputSet, timeout: float = TIMEOUT) -> Cycles:
    """Estimate the cycles of one inference on an emulated board."""
    trace = trace_program(firmware, firmware.elf, inputs, timeout)
    return add(trace.cycles(part) for part in trace.parts)


def operator_cycles(firmware: Firmware, inputs: InputSet, timeout: float = TIMEOUT) -> list[Cycles]:
    """Estimate the cycles of every operator of firmware with profile hooks, run one after the other.

    Raises
    ------
    BoardError
        As of :func:`run`, or when the trace has fewer parts than the model has operators.
    """
    artifact = firmware.artifact
    assert firmware.profile_elf is not None
    trace = trace_program(firmware, firmware.profile_elf, inputs, timeout, "tvm_patch_profile")
    parts = [trace.cycles(part) for part in trace.parts]
    if len(parts) < len(artifact.operators):
        raise BoardError(f"{artifact.metadata.model_name}: the trace tells {len(parts)} operators apart")
    return parts[: len(artifact.operators)]
