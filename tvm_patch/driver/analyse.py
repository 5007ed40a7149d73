"""What a model needs before anything is compiled: operators, MACs, memory per layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from microtvm_project.arena_room import room_of
from microtvm_project.boards import get_board
from tvm_patch.border_mode import BorderMode
from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import Progress, legalize
from tvm_patch.driver.plan import PlanSource, resolve
from tvm_patch.driver.tuned import tuned_configs
from tvm_patch.planner.explain import PlanMemory, SegmentMemory, plan_memory
from tvm_patch.planner.network import Network
from tvm_patch.planner.placement import Placement
from tvm_patch.planner.plan import Plan
from tvm_patch.planner.schedule import Schedule


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
        Bytes of the arena that hold something while the operator's segment runs, overlaps counted once, scratch
        included.
    scratch_bytes : int
        Row buffers and kernel scratch.
    segment : int
        Position of that segment in the plan; of two passes, the one that fills more.
    """

    index: int
    name: str
    kind: str
    live_bytes: int
    scratch_bytes: int
    segment: int


@dataclass(frozen=True)
class Analysis:
    """A model's cost.

    Attributes
    ----------
    network : Network
        Operators, shapes, MACs.
    memory : PlanMemory
        The arena that ``compile`` would allocate, and how much of it each segment fills.
    layers : tuple of LayerMemory
        In run order.
    kernels : mapping of int to str
        The generator of every operator's code, by its index.
    plan : Plan or None
        None: one operator after another, the input in the arena.
    notes : tuple of str
        What was mended in the file, chosen of it and left out of it.
    constant_bytes : int
        Constants as the compiler prints them: weights in the order of their kernels, with what rescaling needs.
    """

    network: Network
    memory: PlanMemory
    layers: tuple[LayerMemory, ...]
    kernels: Mapping[int, str] = field(default_factory=dict)
    plan: Plan | None = None
    notes: tuple[str, ...] = ()
    constant_bytes: int = 0

    @property
    def placement(self) -> Placement:
        """Where everything lies in the arena."""
        return self.memory.placement


def analyse(
    model: Path | str | bytes,
    io: BorderMode = "int8",
    plan: PlanSource | None = None,
    signature: str | None = None,
    progress: Progress | None = None,
    board: str = "host",
) -> Analysis:
    """Import, legalize, lower and place a model without printing code.

    Parameters
    ----------
    model, io, plan, signature, progress, board
        As for :func:`tvm_patch.driver.compile`.

    Raises
    ------
    UserError
        When it cannot be compiled, or not under this plan.
    """
    legalized = legalize(model, None, io, signature, target_of(board))
    report = progress or (lambda _text, _fraction: None)
    legalized.describe(lambda text, done: report(text, 0.4 * done))
    found: Plan | None = None
    schedule: Schedule | None = None
    if plan is not None:
        found, schedule = resolve(legalized, plan, lambda text, done: report(text, 0.4 + 0.2 * done))
    # Some of what cannot be compiled is only found out here, and what scratch the kernels get.
    tuned = tuned_configs(legalized.target, None, "balanced")
    program = legalized.lower(
        schedule,
        lambda text, done: report(text, 0.6 + 0.4 * done),
        tuned=tuned,
        sram=room_of(get_board(board)),
    )
    network = program.network
    memory = plan_memory(program.schedule)
    kernels = {
        op.index: type(kernel).__name__
        for step in program.steps
        for op, kernel in zip(step.layout.operators, step.kernels, strict=True)
    }
    layers = layer_memory(network, memory)
    return Analysis(network, memory, layers, kernels, found, legalized.notes, program.constant_bytes)


def layer_memory(network: Network, memory: PlanMemory) -> tuple[LayerMemory, ...]:
    """Return how much of the arena is in use while each operator runs."""
    fullest: dict[int, SegmentMemory] = {}
    for part in memory.segments:
        for index in part.segment.operators:
            if index not in fullest or part.in_use > fullest[index].in_use:
                fullest[index] = part
    return tuple(
        LayerMemory(op.index, op.name, op.kind, part.in_use, part.scratch_bytes, part.position)
        for op in network.operators
        for part in (fullest[op.index],)
    )
