"""The arena of a lowered program: what its steps ask, answered by the planner that also predicts it."""

from __future__ import annotations

from tvm_patch.lowering.program import Program, Step
from tvm_patch.planner import memory
from tvm_patch.planner.memory import MemoryQuestion, Placement, StepMemory, Storage

__all__ = ["MemoryQuestion", "Placement", "Storage", "memory_question", "place"]


def _step_memory(step: Step) -> StepMemory:
    return StepMemory(step.inputs, step.outputs, step.scratch_bytes, step.input_distance, step.is_copy)


def memory_question(program: Program) -> MemoryQuestion:
    """Collect lifetimes, views and permitted overlaps of a program."""
    return memory.memory_question(program.network, [_step_memory(s) for s in program.steps], program.fetched)


def place(program: Program) -> Placement:
    """Give every stored tensor and scratch buffer of a program an offset in one arena."""
    return memory.place_steps(program.network, [_step_memory(s) for s in program.steps], program.fetched)
