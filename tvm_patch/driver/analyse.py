"""What a model needs before anything is compiled: operators, MACs, memory per layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tvm_patch.driver.front import BorderMode, legalize
from tvm_patch.kernels import Form
from tvm_patch.lowering.memory import Placement, memory_question, place
from tvm_patch.lowering.program import Program
from tvm_patch.planner.explain import covered
from tvm_patch.planner.network import Network


@dataclass(frozen=True)
class LayerMemory:
    """Memory in use while one operator runs.

    Attributes
    ----------
    index : int
        Position in run order.
    name, kind : str
        As in the model, and in the integer dialect.
    live_bytes : int
        Bytes of the arena that hold something during this operator, overlaps counted once, scratch included.
    scratch_bytes : int
        Row buffers and kernel scratch.
    """

    index: int
    name: str
    kind: str
    live_bytes: int
    scratch_bytes: int


@dataclass(frozen=True)
class Analysis:
    """A model's cost.

    Attributes
    ----------
    network : Network
        Operators, shapes, MACs.
    placement : Placement
        The arena that ``compile`` would allocate.
    layers : tuple of LayerMemory
        In run order.
    """

    network: Network
    placement: Placement
    layers: tuple[LayerMemory, ...]


def analyse(model: Path | str | bytes, io: BorderMode = "int8", form: Form = "dsp") -> Analysis:
    """Import, legalize and plan a model without printing code.

    Raises
    ------
    UserError
        When it cannot be compiled.
    """
    legalized = legalize(model, None, io)
    program = legalized.lower(form)
    placement = place(program)
    return Analysis(program.network, placement, layer_memory(program, placement))


def layer_memory(program: Program, placement: Placement) -> tuple[LayerMemory, ...]:
    """Return how much of the arena each operator has in use."""
    question = memory_question(program)
    layers = []
    for step in program.steps:
        spans = [
            (placement.tensors[s.name], placement.tensors[s.name] + s.size)
            for s in question.storages
            if s.first <= step.index <= s.last
        ]
        scratch = step.scratch_bytes
        if scratch:
            spans.append((placement.scratch[step.index], placement.scratch[step.index] + scratch))
        in_use = covered(spans)
        layers += [LayerMemory(d.index, d.name, d.kind, in_use, scratch) for d in step.described]
    return tuple(layers)
