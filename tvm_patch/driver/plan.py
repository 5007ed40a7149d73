"""Plan a model: choose segments and bands, or take a plan that was made before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from microtvm_project.arena_room import room_of
from microtvm_project.boards import get_board
from tvm_patch.border_mode import BorderMode
from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.front import Legalized, Progress, legalize
from tvm_patch.driver.spend import spend
from tvm_patch.driver.tuned import tuned_configs
from tvm_patch.errors import PlanError
from tvm_patch.lowering.fit_kernels import layer_kernels
from tvm_patch.planner.choose import Choice, Request, choose_plan
from tvm_patch.planner.explain import PlanMemory, plan_memory
from tvm_patch.planner.network import Network
from tvm_patch.planner.plan import Plan
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import layer_by_layer

PlanSource = Plan | Request | Path | str
"""A plan, what one has to be, or the file of one."""


@dataclass(frozen=True)
class Planned:
    """A planned model.

    Attributes
    ----------
    network : Network
    choice : Choice
        The plan and its alternatives.
    memory : PlanMemory
        What fills its arena.
    layer_memory : PlanMemory
        The same for one operator after another with the input in the arena.
    notes : tuple of str
        What was mended in the file, chosen of it and left out of it.
    """

    network: Network
    choice: Choice
    memory: PlanMemory
    layer_memory: PlanMemory
    notes: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan itself."""
        return self.choice.plan


def plan(
    model: Path | str | bytes,
    request: Request | None = None,
    io: BorderMode = "int8",
    signature: str | None = None,
    progress: Progress | None = None,
    board: str = "host",
) -> Planned:
    """Import a model and plan it.

    Parameters
    ----------
    model : path or bytes
        The .tflite file.
    request : Request, optional
        Limits and objective.
    io, signature, progress, board
        As for :func:`tvm_patch.driver.compile`.

    Raises
    ------
    UserError
        When the model cannot be compiled, or no plan keeps the limits.
    """
    asked = request or Request()
    legalized = legalize(model, None, io, signature, target_of(board))
    report = progress or (lambda _text, _fraction: None)
    kernels, network = legalized.describe(lambda text, done: report(text, 0.5 * done))
    choice = choose_plan(network, asked, lambda done: report("planning", 0.5 + 0.5 * done))
    tuned = tuned_configs(network.target, None, "balanced")
    choice = spend(network, kernels, choice, asked, tuned)
    # What `compile` allocates without a plan: kernels have the scratch that makes them fast.
    layers = Schedule.of(network, layer_by_layer(network))
    _, wide, _ = layer_kernels(kernels, layers, tuned, room_of(get_board(board)))
    return Planned(
        network,
        choice,
        plan_memory(choice.point.schedule),
        plan_memory(wide),
        legalized.notes,
    )


def resolve(
    legalized: Legalized, source: PlanSource, progress: Progress | None = None
) -> tuple[Plan, Schedule]:
    """Return a plan for a model that is legalized already, laid out.

    Parameters
    ----------
    legalized : Legalized
    source : Plan, Request or path
        What to make the plan from.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    PlanError
        When the plan is not for this model, or no plan does what is asked.
    """
    kernels, network = legalized.describe()
    report = progress or (lambda _text, _fraction: None)
    if isinstance(source, Request):
        choice = choose_plan(network, source, lambda done: report("planning", done))
        choice = spend(network, kernels, choice, source, tuned_configs(network.target, None, "balanced"))
        return choice.plan, choice.point.schedule
    if isinstance(source, Plan):
        return source, source.schedule_for(network)
    plan = Plan.load(source)
    try:
        return plan, plan.schedule_for(network)
    except PlanError as error:
        raise PlanError(f"{source}: {error}") from error
