"""Plan a model: choose segments and bands without compiling."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tvm_patch.driver.front import BorderMode, legalize
from tvm_patch.planner.choose import Choice, Request, choose_plan
from tvm_patch.planner.explain import PlanMemory, plan_memory
from tvm_patch.planner.network import Network
from tvm_patch.planner.segments import layer_by_layer


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
    """

    network: Network
    choice: Choice
    memory: PlanMemory
    layer_memory: PlanMemory


def plan(model: Path | str | bytes, request: Request | None = None, io: BorderMode = "int8") -> Planned:
    """Import a model and plan it.

    Parameters
    ----------
    model : path or bytes
        The .tflite file.
    request : Request, optional
        Limits and objective.
    io : {"int8", "float"}
        As for :func:`tvm_patch.driver.compile`.

    Raises
    ------
    UserError
        When the model cannot be compiled, or no plan keeps the limits.
    """
    asked = request or Request()
    _, network = legalize(model, None, io).describe()
    choice = choose_plan(network, asked)
    return Planned(
        network,
        choice,
        plan_memory(network, choice.point.segments, asked.input_mode),
        plan_memory(network, layer_by_layer(network), "resident"),
    )
