"""The joint search: from a task and a board's limits to a trained network, its schedule and its int8 file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from tvm_patch.errors import UserError
from tvm_patch.files import write_bytes
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.detection.head import Head
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.evolution import Evolution, Exhausted, Generation, draw_at_random, evolve
from tvm_patch.nas.how import Chosen, How
from tvm_patch.nas.judged import Accuracies
from tvm_patch.nas.limits import Limits
from tvm_patch.nas.recipe import Finish, SuperRecipe
from tvm_patch.nas.record import Part, Record
from tvm_patch.nas.schedule import Candidate
from tvm_patch.nas.space import Space, Subnet
from tvm_patch.nas.trials import workers
from tvm_patch.targets import Target

Progress = Callable[[str, float], None]
_DRAWS = 2_000
"""In a row without a subnet that fits, before a search gives up."""


class Judging(Part):
    """How subnets are judged.

    Attributes
    ----------
    batches, size : int
        That batch normalization is calibrated with.
    """

    batches: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 20
    size: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 64


class Settings(Record):
    """Everything that a search depends on, but data.

    Attributes
    ----------
    space : Space
    how : How
        What subnets may be run with.
    limits : Limits
        What they have to keep to.
    training : SuperRecipe
        Of the super network.
    judging : Judging
    evolution : Evolution
    random : bool
        Draw subnets at random instead: what evolution has to beat.
    finish : Finish
        Of the chosen network.
    seed : int
    head : Head or None
        Of detectors; their space has as many ``detector`` channels.
    """

    kind: ClassVar[str] = "search"
    format: Literal["tvm-patch search"] = "tvm-patch search"
    version: Literal[1] = 1
    space: Space
    how: How = How()
    limits: Limits = Limits()
    training: SuperRecipe
    judging: Judging = Judging()
    evolution: Evolution = Evolution()
    random: bool = False
    finish: Finish
    seed: Annotated[int, Field(ge=0, le=1 << 31, strict=True)] = 0
    head: Head | None = None

    @model_validator(mode="after")
    def _has_the_channels_of_its_head(self) -> Settings:
        channels = self.head.channels if self.head is not None else 0
        if channels != self.space.detector:
            raise ValueError(f"the head has {channels} channels, the space's detector {self.space.detector}")
        return self


@dataclass(frozen=True)
class Found:
    """The subnet that a search chose.

    Attributes
    ----------
    subnet : Subnet
    accuracy : float
        On the validation pictures, with inherited weights; of detectors average precision at an overlap of a half.
    candidate : Candidate
        Its architecture and schedule.
    chosen : Chosen
        What it takes.
    generations : tuple of Generation
    points : tuple of (int, float)
        Arena in bytes and accuracy of every subnet that was judged.
    """

    subnet: Subnet
    accuracy: float
    candidate: Candidate
    chosen: Chosen
    generations: tuple[Generation, ...]
    points: tuple[tuple[int, float], ...]


def train_super_network(
    task: Task | DetectionTask,
    settings: Settings,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """Train the super network of a search, or go on from a checkpoint.

    Parameters
    ----------
    task : Task or DetectionTask
    settings : Settings
        Its space, training and seed count.
    checkpoint : Path, optional
        File to keep the state in.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Returns
    -------
    dict of str to ndarray
        Weights, as :func:`tvm_patch.nas.training.judging.make_judge` takes them.
    """
    from tvm_patch.nas.training.objectives import Objects
    from tvm_patch.nas.training.optimizer import weights_by_place
    from tvm_patch.nas.training.super_training import SuperTraining
    from tvm_patch.nas.training.supernet import SuperNetwork

    network = SuperNetwork(settings.space, settings.seed)
    objective = Objects(settings.head) if settings.head is not None else None
    training = SuperTraining(network, task.train, settings.training, settings.seed, checkpoint, objective)
    for step in training.run():
        if progress is not None:
            progress(f"super network, loss {step.loss:.2f}", step.done / step.total)
    return weights_by_place(network.trainable_variables)


def choose(
    task: Task | DetectionTask,
    weights: Mapping[str, np.ndarray],
    settings: Settings,
    target: Target,
    *,
    accuracies: Path | None = None,
    drawn_from: Space | None = None,
    count: int = 1,
    address: str | None = None,
    progress: Progress | None = None,
) -> Found:
    """Choose a subnet within the limits: the most accurate that evolution finds.

    Parameters
    ----------
    task : Task or DetectionTask
    weights : mapping of str to ndarray
        Of the super network.
    settings : Settings
    target : Target
        What it has to run on.
    accuracies : Path, optional
        File that keeps what is found out; a search that goes on asks nothing twice.
    drawn_from : Space, optional
        A part of the super network's space to choose from.
    count, address : int, str
        Workers, and the Ray cluster that they are of; without an address this process does it all.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    UserError
        When nothing that was drawn keeps to the limits; names the nearest.
    """
    from tvm_patch.nas.training.judging import make_judge

    space, judging = settings.space, settings.judging
    cost = lru_cache(maxsize=None)(
        lambda subnet: settings.how.best(space.architecture(subnet), target, settings.limits)
    )
    known = Accuracies(accuracies, _depends(settings, weights))
    make = partial(
        make_judge,
        space,
        dict(weights),
        task.train,
        task.validation,
        judging.batches,
        judging.size,
        settings.head,
    )
    done = 0
    with workers(make, count, address) as some:

        def judge(subnets: Sequence[Subnet]) -> list[float]:
            nonlocal done
            missing = [s for s in subnets if known.get(s) is None]
            for subnet, accuracy in zip(missing, some.map(missing), strict=True):
                known.put(subnet, accuracy)
                if progress is not None:
                    progress("evolution", min(1.0, (done + len(missing)) / settings.evolution.evaluations))
            known.save()
            done += len(subnets)
            return [known[s] for s in subnets]

        search = draw_at_random if settings.random else evolve
        seen: list[Subnet] = []

        def fits(subnet: Subnet) -> bool:
            seen.append(subnet)
            return settings.limits.fits(cost(subnet).cost)

        try:
            found = search(drawn_from or space, judge, fits, settings.evolution, settings.seed, _DRAWS)
            generations = list(_told(found, settings, progress))
        except Exhausted as error:
            raise UserError(_nearest(settings, [*seen, (drawn_from or space).smallest()], cost)) from error
    best = generations[-1].best
    chosen = cost(best.subnet)
    candidate = Candidate(architecture=space.architecture(best.subnet), schedule=chosen.schedule)
    points = tuple((cost(one.subnet).cost.arena_bytes, one.fitness) for g in generations for one in g.judged)
    return Found(best.subnet, best.fitness, candidate, chosen, tuple(generations), points)


def _told(
    generations: Iterable[Generation], settings: Settings, progress: Progress | None
) -> Iterator[Generation]:
    for generation in generations:
        if progress is not None:
            part = (generation.number + 1) / (settings.evolution.generations + 1)
            progress(f"evolution, best {generation.best.fitness:.1%}", part)
        yield generation


def _depends(settings: Settings, weights: Mapping[str, np.ndarray]) -> dict[str, object]:
    """Return what accuracies depend on: not the limits, so that searches for other boards share them."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    return {
        "space": settings.space.model_dump(mode="json"),
        "judging": settings.judging.model_dump(mode="json"),
        "head": settings.head.model_dump(mode="json") if settings.head is not None else None,
        "weights": digest.hexdigest(),
    }


def _nearest(settings: Settings, seen: Sequence[Subnet], cost: Callable[[Subnet], Chosen]) -> str:
    limits = settings.limits
    nearest = min(seen, key=lambda subnet: limits.excess(cost(subnet).cost))
    taken = cost(nearest).cost
    asked = ", ".join(
        f"{limit:,} {unit}"
        for limit, unit in (
            (limits.sram_bytes, "B of SRAM"),
            (limits.flash_bytes, "B of flash"),
            (limits.cycles, "cycles"),
        )
        if limit is not None
    )
    return (
        f"no subnet of the space {settings.space.name} that was drawn keeps to {asked}; the nearest takes "
        f"{taken.arena_bytes:,} B of SRAM, {taken.flash_bytes:,} B of flash and {taken.cycles:,} cycles at resolution "
        f"{nearest.resolution}; allow that much, or give a smaller space"
    )


def finish_network(
    task: Task | DetectionTask,
    weights: Mapping[str, np.ndarray],
    found: Found,
    settings: Settings,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Train the chosen network to its end.

    Parameters
    ----------
    task : Task or DetectionTask
    weights : mapping of str to ndarray
        Of the super network.
    found : Found
    settings : Settings
    folder : Path, optional
        For checkpoints, and ``network.keras`` and ``network.tflite`` at the end.
    progress : callable, optional
        Called with what is being done and the fraction done.

    Returns
    -------
    bytes
        Of the int8 .tflite file.
    """
    from tvm_patch.nas.training.finishing import finished
    from tvm_patch.nas.training.judging import Judge
    from tvm_patch.nas.training.keras_model import inherit
    from tvm_patch.nas.training.objectives import Objects
    from tvm_patch.nas.training.optimizer import restore_weights
    from tvm_patch.nas.training.supernet import SuperNetwork

    network = SuperNetwork(settings.space)
    restore_weights(network.trainable_variables, weights)
    judging = settings.judging
    Judge(network, task.train, task.validation, judging.batches, judging.size).calibrate(found.subnet)
    model = inherit(network, found.subnet)
    objective = Objects(settings.head) if settings.head is not None else None
    made, data = finished(
        model, found.candidate.architecture, task, settings.finish, settings.seed, folder, progress, objective
    )
    if folder is not None:
        made.save(folder / "network.keras")
        write_bytes(folder / "network.tflite", data)
    return data


def generations_json(found: Found) -> str:
    """Return what every generation found, as JSON: number, lowest, mean and highest accuracy, and the best so far."""
    rows = []
    for generation in found.generations:
        fitness = [one.fitness for one in generation.judged]
        rows.append(
            {
                "generation": generation.number,
                "judged": len(fitness),
                "min": min(fitness, default=None),
                "mean": float(np.mean(fitness)) if fitness else None,
                "max": max(fitness, default=None),
                "best": generation.best.fitness,
            }
        )
    return json.dumps(rows, indent=2) + "\n"
