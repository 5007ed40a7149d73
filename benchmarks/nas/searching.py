"""One search of a contest, done once and kept; all searches of a task and a seed share a super network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.nas.tasks import BATCHES, EVOLUTION, FINISH, SUPER, Contest
from tvm_patch.driver.search import Judging, Settings, choose, train_super_network
from tvm_patch.errors import UserError
from tvm_patch.files import write_text
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.how import How
from tvm_patch.nas.limits import Limits
from tvm_patch.nas.space import Space
from tvm_patch.nas.spaces import space_of
from tvm_patch.targets import TARGETS

TARGET = TARGETS["cortex-m7"]


@dataclass(frozen=True)
class Choice:
    """What a search chose.

    Attributes
    ----------
    architecture : Architecture
    inherited : float
        Accuracy on validation with the super network's weights.
    judged : int
        Subnets that were looked at.
    """

    architecture: Architecture
    inherited: float
    judged: int


def limits_of(contest: Contest) -> Limits:
    """Return the limits of a contest."""
    return Limits(sram_bytes=contest.sram_bytes, flash_bytes=contest.flash_bytes)


def settings_of(contest: Contest, task: Task, how: How, seed: int) -> Settings:
    """Return the settings of a contest's search."""
    return Settings(
        space=space_of(contest.space, len(task.classes), 1 if task.colors == 1 else 3),
        how=how,
        limits=limits_of(contest),
        training=SUPER,
        judging=Judging(batches=BATCHES),
        evolution=EVOLUTION,
        finish=FINISH,
        seed=seed,
    )


def searched(
    contest: Contest,
    task: Task,
    how: How,
    seed: int,
    name: str,
    folder: Path,
    changed: Callable[[Settings], Settings] = lambda settings: settings,
    part: Callable[[Space], Space] = lambda space: space,
) -> Choice | None:
    """Search, or return what was found before; None where nothing keeps to the limits.

    Parameters
    ----------
    contest : Contest
    task : Task
    how : How
        What subnets may be run with.
    seed : int
    name : str
        Of the result among those of the task and the seed.
    folder : Path
    changed : callable
        Changes the settings of evolution.
    part : callable
        Makes the searched space of the super network's; a part of it.
    """
    place = folder / contest.name / f"seed{seed}"
    path = place / f"{name}.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
        if known is None:
            return None
        return Choice(Architecture.model_validate(known["architecture"]), known["inherited"], known["judged"])
    from tvm_patch.nas.training.determinism import deterministic

    place.mkdir(parents=True, exist_ok=True)
    deterministic(seed)
    settings = settings_of(contest, task, how, seed)
    weights = train_super_network(task, settings, place / "supernet.npz")
    asked = changed(settings)
    try:
        found = choose(
            task,
            weights,
            asked,
            TARGET,
            accuracies=place / "accuracies.json",
            drawn_from=part(settings.space),
        )
    except UserError:
        write_text(path, "null\n")
        return None
    judged = sum(len(g.judged) for g in found.generations)
    made = Choice(found.candidate.architecture, found.accuracy, judged)
    document = {
        "architecture": made.architecture.model_dump(mode="json"),
        "inherited": made.inherited,
        "judged": judged,
    }
    write_text(path, json.dumps(document) + "\n")
    return made
