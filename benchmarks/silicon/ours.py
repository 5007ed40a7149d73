"""What this project compiles, on the boards that others measured theirs on."""

from __future__ import annotations

from pathlib import Path

import tvm_patch
from benchmarks.silicon.figures import Goal
from microtvm_project.boards import BOARDS
from microtvm_project.cycles import Cycles
from tvm_patch import driver


def estimate(data: bytes, goal: Goal) -> Cycles:
    """Return the model's cycles of a network, compiled layer by layer for a board."""
    board = next(b.name for b in BOARDS.values() if b.runner == "qemu" and b.cpu == BOARDS[goal.board].cpu)
    artifact = tvm_patch.compile(data, board=goal.board)
    given = driver.random_inputs(artifact, 1, 0)
    result = artifact.run(given, board=board, as_board=goal.board, profile=False, cycles=True)
    cycles: Cycles | None = result.cycles
    assert cycles is not None
    return cycles


def estimates(models: Path, goals: tuple[Goal, ...]) -> list[Cycles | None]:
    """Return the cycles of every goal's network, None where the folder has no such file."""
    files = [models / f"{g.network}.tflite" for g in goals]
    return [estimate(f.read_bytes(), g) if f.exists() else None for f, g in zip(files, goals, strict=True)]
