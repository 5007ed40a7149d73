"""Training of one architecture to its end: float, rounded, int8, compiled, evaluated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from tvm_patch.driver.compile import compile as compile_model
from tvm_patch.driver.evaluate import Evaluation, evaluate
from tvm_patch.errors import InputError
from tvm_patch.files import write_bytes
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.recipe import Finish
from tvm_patch.nas.record import Record
from tvm_patch.nas.schedule import Candidate


class TrainingSettings(Record):
    """Everything that a training depends on, but data.

    Attributes
    ----------
    architecture : Architecture
    finish : Finish
    seed : int
    weights : str
        SHA-256 of the file that it began with; empty for new weights.
    """

    kind: ClassVar[str] = "training"
    format: Literal["tvm-patch training"] = "tvm-patch training"
    version: Literal[1] = 1
    architecture: Architecture
    finish: Finish
    seed: int
    weights: str


@dataclass(frozen=True)
class Finetuned:
    """A trained network.

    Attributes
    ----------
    model : bytes
        The int8 .tflite file.
    evaluation : Evaluation
        Of the test pictures, compiled for the host layer by layer.
    arena_bytes : int
        Of that program.
    """

    model: bytes
    evaluation: Evaluation
    arena_bytes: int


def read_architecture(path: Path) -> Architecture:
    """Return the architecture in the JSON file of one, or of a candidate.

    Raises
    ------
    UserError
        When the file is neither; names the field.
    """
    try:
        form = json.loads(path.read_text(encoding="utf-8")).get("format")
    except (OSError, ValueError, AttributeError):
        form = None
    if form == Candidate.model_fields["format"].default:
        return Candidate.load(path).architecture
    return Architecture.load(path)


def finetune(
    architecture: Architecture,
    task: Task,
    finish: Finish,
    folder: Path,
    *,
    weights: Path | None = None,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> Finetuned:
    """Train a network; started again with the same folder it goes on.

    Parameters
    ----------
    architecture : Architecture
    task : Task
        With as many classes and channels.
    finish : Finish
    folder : Path
        Made where it is missing; gets ``training.json``, checkpoints, ``network.keras`` and ``network.tflite``.
    weights : Path, optional
        A Keras file of this architecture with biases, as searches write it; new weights without.
    seed : int
    progress : callable, optional
        Called with what is being done and the fraction done.

    Raises
    ------
    InputError
        When the task has other classes or channels.
    UserError
        When the weights are of another network, or the folder of another training.
    """
    has, wants = (len(task.classes), task.colors), (architecture.classes, architecture.colors)
    if has != wants:
        raise InputError(
            f"{task.name} has {has[0]} classes and {has[1]} channels; the architecture {wants[0]} and {wants[1]}"
        )
    from tvm_patch.nas.training.determinism import deterministic
    from tvm_patch.nas.training.finishing import finished
    from tvm_patch.nas.training.keras_model import keras_model, load_folded

    deterministic(seed)
    model = load_folded(weights, architecture) if weights else keras_model(architecture, seed=seed)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else ""
    settings = TrainingSettings(architecture=architecture, finish=finish, seed=seed, weights=digest)
    settings.claim(folder, "training.json")
    made, data = finished(model, architecture, task, finish, seed, folder, progress)
    made.save(folder / "network.keras")
    write_bytes(folder / "network.tflite", data)
    artifact = compile_model(data)
    found = evaluate(artifact, data, task.test, progress=progress)
    return Finetuned(data, found, artifact.arena_bytes)
