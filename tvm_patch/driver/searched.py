"""What a search ends with: the trained network compiled for its board, its plan, and how often it is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tvm_patch.driver.artifact import Artifact
from tvm_patch.driver.board_target import target_of
from tvm_patch.driver.compile import compile as compile_model
from tvm_patch.driver.evaluate import Evaluation, evaluate
from tvm_patch.driver.evaluate_detector import DetectorEvaluation, evaluate_detector
from tvm_patch.driver.plan import PlanSource
from tvm_patch.driver.plan import plan as plan_model
from tvm_patch.driver.search import (
    Found,
    Settings,
    choose,
    finish_network,
    generations_json,
    train_super_network,
)
from tvm_patch.errors import InputError
from tvm_patch.files import write_text
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.detection.head import Head
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.planner.choose import Request
from tvm_patch.planner.plan import Plan

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Searched:
    """The end of a search.

    Attributes
    ----------
    settings : Settings
    found : Found
    model : bytes
        The int8 .tflite file.
    plan : Plan
    artifact : Artifact
        Compiled for the board under the plan.
    evaluation : Evaluation or DetectorEvaluation
        Of the test pictures, by the program compiled for the host under the plan.
    weights : dict of str to ndarray
        Of the super network.
    """

    settings: Settings
    found: Found
    model: bytes
    plan: Plan
    artifact: Artifact
    evaluation: Evaluation | DetectorEvaluation
    weights: dict[str, np.ndarray]


def search(
    task: Task | DetectionTask,
    settings: Settings,
    folder: Path,
    *,
    board: str,
    count: int = 1,
    address: str | None = None,
    progress: Progress | None = None,
) -> Searched:
    """Search, train and compile a network; started again with the same folder it goes on.

    Parameters
    ----------
    task : Task or DetectionTask
    settings : Settings
    folder : Path
        Made where it is missing.  Gets ``settings.json``, checkpoints, ``candidate.json``, ``generations.json``,
        ``network.keras``, ``network.tflite``, ``plan.json`` and the folder ``artifact``.
    board : str
        To compile for.
    count, address : int, str
        Workers that judge subnets, and the Ray cluster that they are of.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    UserError
        When the folder is of another search, or nothing keeps to the limits.
    """
    from tvm_patch.nas.training.determinism import deterministic

    settings.claim(folder, "settings.json")
    deterministic(settings.seed)
    target = target_of(board)
    weights = train_super_network(task, settings, folder / "supernet.npz", progress)
    found = choose(
        task,
        weights,
        settings,
        target,
        accuracies=folder / "accuracies.json",
        count=count,
        address=address,
        progress=progress,
    )
    found.candidate.save(folder / "candidate.json")
    write_text(folder / "generations.json", generations_json(found))
    model = finish_network(task, weights, found, settings, folder, progress)
    request = _request(found, settings)
    chosen = plan_model(model, request, board=board)
    chosen.plan.save(folder / "plan.json")
    artifact = compile_model(model, board=board, plan=chosen.plan)
    artifact.save(folder / "artifact")
    evaluation = evaluate_under(model, task, settings.head, chosen.plan, progress)
    return Searched(settings, found, model, chosen.plan, artifact, evaluation, weights)


def evaluate_under(
    model: bytes,
    task: Task | DetectionTask,
    head: Head | None,
    plan: PlanSource,
    progress: Progress | None = None,
) -> Evaluation | DetectorEvaluation:
    """Return how often a network is right about the test pictures, compiled for the host under a plan.

    Raises
    ------
    InputError
        When a task with boxes comes without a head, or one without them with one.
    """
    artifact = compile_model(model, plan=plan)
    if isinstance(task, DetectionTask) and head is not None:
        return evaluate_detector(artifact, model, head, task.test, progress=progress)
    if isinstance(task, Task) and head is None:
        return evaluate(artifact, model, task.test, progress=progress)
    raise InputError(f"{task.name}: boxes need a head, and classes none")


def _request(found: Found, settings: Settings) -> Request:
    """Return what the compiler is asked for: the fastest plan within the limit where the planner chooses."""
    asked = found.candidate.schedule.request()
    if asked.scheme != "auto" or settings.limits.sram_bytes is None:
        return asked
    return replace(asked, objective="time", sram=settings.limits.sram_bytes)
