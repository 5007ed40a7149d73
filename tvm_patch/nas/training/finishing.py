"""From a trained float network to an int8 file: rounding-aware training, then export."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import keras
import numpy as np

from tvm_patch.nas.architecture import Architecture
from tvm_patch.nas.data.pictures import Pictures, Task
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.recipe import Finish, Recipe
from tvm_patch.nas.training.export import to_tflite
from tvm_patch.nas.training.fine_tuning import FineTuning
from tvm_patch.nas.training.keras_model import copy_weights, fold, keras_model
from tvm_patch.nas.training.objectives import Objective
from tvm_patch.nas.training.supernet import normalized

Progress = Callable[[str, float], None]


def finished(
    model: keras.Model,
    architecture: Architecture,
    task: Task | DetectionTask,
    finish: Finish,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress | None = None,
    objective: Objective | None = None,
) -> tuple[keras.Model, bytes]:
    """Train a network to its end and export it.

    Parameters
    ----------
    model : keras.Model
        Of the architecture, with batch normalization; changed in place.
    architecture : Architecture
    task : Task or DetectionTask
    finish : Finish
    seed : int
        Of the order of pictures.
    folder : Path, optional
        For checkpoints, ``tuning.npz`` and ``rounding.npz``; training goes on from them.
    progress : callable, optional
        Called with what is being done and the fraction done.
    objective : Objective, optional
        The classes of pictures if None; a detector's is :class:`~tvm_patch.nas.training.objectives.Objects`.

    Returns
    -------
    keras.Model
        float, batch normalization folded.
    bytes
        The int8 .tflite file.
    """

    def train(net: keras.Model, recipe: Recipe, what: str) -> None:
        checkpoint = folder / f"{what}.npz" if folder else None
        training = FineTuning(net, task.train, recipe, seed, checkpoint, objective)
        for step in training.run():
            if progress is not None:
                progress(what, step.done / step.total)

    train(model, finish.tuning, "tuning")
    made = fold(model, architecture)
    if finish.rounding.steps:
        aware = keras_model(architecture, bits=finish.bits)
        copy_weights(made, aware)
        train(aware, finish.rounding, "rounding")
        copy_weights(aware, made)
    batches = task.train.batches(architecture.resolution, 32, seed=seed)
    drawn = np.concatenate([x for x, _ in islice(batches, -(-finish.samples // 32))])[: finish.samples]
    return made, to_tflite(made, [drawn])


def float_accuracy(model: keras.Model, pictures: Pictures) -> float:
    """Return the part of pictures that a model is right about."""
    right = 0
    for x, y in pictures.batches(int(model.input_shape[1]), 256):
        right += int(np.count_nonzero(model(normalized(x), training=False).numpy().argmax(1) == y))
    return right / len(pictures)
