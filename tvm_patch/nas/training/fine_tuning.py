"""Training of one network: from scratch, or from the weights that a super network has for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tvm_patch.nas.data.pictures import Pictures
from tvm_patch.nas.recipe import Recipe
from tvm_patch.nas.training.loop import Training
from tvm_patch.nas.training.loss import smoothed_loss
from tvm_patch.nas.training.supernet import normalized

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class FineTuning(Training):
    """A network and where its training stands.

    Parameters
    ----------
    model : keras.Model
        Of one resolution; see :func:`~tvm_patch.nas.training.keras_model.keras_model`.
    pictures : Pictures
        To train on.
    recipe : Recipe
    seed : int
        Of the order of pictures.
    checkpoint : Path, optional
        File to go on from, where it exists, and to keep the state in.
    """

    def __init__(
        self,
        model: keras.Model,
        pictures: Pictures,
        recipe: Recipe,
        seed: int = 0,
        checkpoint: Path | None = None,
    ) -> None:
        trained = [v.value for v in model.trainable_variables]
        kept = [v.value for v in model.non_trainable_variables if v.dtype == "float32"]
        super().__init__(trained, kept, pictures, (recipe,), seed, checkpoint)
        self.model = model
        self._resolution = int(model.input_shape[1])
        self._step = self._stepping()

    def settings(self) -> dict[str, Any]:
        """Return what training depends on besides pictures, recipe and seed."""
        return {"network": [[layer.name, list(map(str, layer.output.shape))] for layer in self.model.layers]}

    def begin(self, phase: int, *, anew: bool) -> None:
        """Start training."""
        super().begin(phase, anew=anew)
        self._step = self._stepping()

    def step(self, phase: int, number: int) -> float:
        """Do a step and return its loss."""
        batches = self.pictures.batches(
            self._resolution, self.phases[phase].batch, seed=self.seed, augment=True, first=number
        )
        return float(self._step(*next(batches)))

    def _stepping(self) -> Callable[..., tf.Tensor]:
        optimizer, smoothing = self.optimizer, self.phases[0].smoothing
        size, colors = self._resolution, self.model.input_shape[3]

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, size, size, colors), tf.uint8),
                tf.TensorSpec((None,), tf.int32),
            ]
        )
        def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = smoothed_loss(self.model(normalized(x), training=True), y, smoothing)
            optimizer.apply(tape.gradient(loss, self.trained))
            return loss

        return step
