"""Training of one network: from scratch, or from the weights that a super network has for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tvm_patch.nas.data.pictures import Pictures
from tvm_patch.nas.detection.scenes import Scenes
from tvm_patch.nas.recipe import Recipe
from tvm_patch.nas.training.loop import Training
from tvm_patch.nas.training.objectives import Classes, Objective
from tvm_patch.nas.training.supernet import normalized


class FineTuning(Training):
    """A network and where its training stands.

    Parameters
    ----------
    model : keras.Model
        Of one resolution; see :func:`~tvm_patch.nas.training.keras_model.keras_model`.
    pictures : Pictures or Scenes
        To train on.
    recipe : Recipe
    seed : int
        Of the order of pictures.
    checkpoint : Path, optional
        File to go on from, where it exists, and to keep the state in.
    objective : Objective, optional
        The classes of pictures if None.
    """

    def __init__(
        self,
        model: keras.Model,
        pictures: Pictures | Scenes,
        recipe: Recipe,
        seed: int = 0,
        checkpoint: Path | None = None,
        objective: Objective | None = None,
    ) -> None:
        trained = [v.value for v in model.trainable_variables]
        kept = [v.value for v in model.non_trainable_variables if v.dtype == "float32"]
        super().__init__(trained, kept, pictures, (recipe,), seed, checkpoint)
        self.model = model
        self._objective = objective or Classes(recipe.smoothing)
        self._resolution = int(model.input_shape[1])
        self._step = self._stepping()

    def settings(self) -> dict[str, Any]:
        """Return what training depends on besides pictures, recipe and seed."""
        layers = [[layer.name, list(map(str, layer.output.shape))] for layer in self.model.layers]
        return {"network": layers, **self._objective.settings()}

    def begin(self, phase: int, *, anew: bool) -> None:
        """Start training."""
        super().begin(phase, anew=anew)
        self._step = self._stepping()

    def step(self, phase: int, number: int) -> float:
        """Do a step and return its loss."""
        batches = self.pictures.batches(
            self._resolution, self.phases[phase].batch, seed=self.seed, augment=True, first=number
        )
        x, labels = next(batches)
        y = self._objective.targets(labels, (len(x), *self.model.output_shape[1:]))
        return float(self._step(tf.constant(x), tf.nest.map_structure(tf.constant, y)))

    def _stepping(self) -> Callable[..., tf.Tensor]:
        optimizer, objective = self.optimizer, self._objective

        @tf.function
        def step(x: tf.Tensor, y: Any) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = objective.loss(self.model(normalized(x), training=True), y)
            optimizer.apply(tape.gradient(loss, self.trained))
            return loss

        return step
