"""Training of one network from new weights, and what its compiled program gets right; done once and kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.nas.tasks import FINISH
from tvm_patch.driver.compile import compile as compile_model
from tvm_patch.driver.evaluate import evaluate
from tvm_patch.files import write_bytes, write_text
from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.data.pictures import Task


@dataclass(frozen=True)
class Trial:
    """A trained network.

    Attributes
    ----------
    validation, accuracy : float
        Of the float network on the validation pictures, of the compiled int8 one on the test pictures.
    differing : int
        Test pictures for which the compiled program gave other bits than the reference.
    """

    validation: float
    accuracy: float
    differing: int


def trial(architecture: Architecture, task: Task, seed: int, folder: Path) -> Trial:
    """Train a network, or return what was found before.

    Parameters
    ----------
    architecture : Architecture
    task : Task
    seed : int
        Of weights and of the order of pictures.
    folder : Path
        Keeps results by network and seed, and the checkpoints of what is not done.
    """
    path = folder / f"{key_of(architecture, seed)}.json"
    if path.exists():
        return Trial(**json.loads(path.read_text(encoding="utf-8")))
    from tvm_patch.nas.training.determinism import deterministic
    from tvm_patch.nas.training.finishing import finished, float_accuracy
    from tvm_patch.nas.training.keras_model import keras_model

    deterministic(seed)
    state = path.with_suffix("")
    state.mkdir(parents=True, exist_ok=True)
    model, data = finished(keras_model(architecture, seed=seed), architecture, task, FINISH, seed, state)
    write_bytes(state / "network.tflite", data)
    found = evaluate(compile_model(data), data, task.test)
    done = Trial(float_accuracy(model, task.validation), found.accuracy, found.differing)
    write_text(path, json.dumps(asdict(done)) + "\n")
    return done


def key_of(architecture: Architecture, seed: int) -> str:
    """Return a name for a network, its training and a seed."""
    parts = [part.model_dump_json(exclude_defaults=True) for part in (architecture, FINISH)]
    text = "".join([*parts, str(seed)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
