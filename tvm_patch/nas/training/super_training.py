"""Training of a super network: the largest subnet first, then some subnets a step, their gradients averaged.

Source: MCUNet (Lin et al. 2020), section 3.1 and supplement C; MCUNetV2 (Lin et al. 2021), supplement B.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tvm_patch.nas.data.pictures import Pictures
from tvm_patch.nas.detection.scenes import Scenes
from tvm_patch.nas.recipe import SuperRecipe
from tvm_patch.nas.space import Subnet
from tvm_patch.nas.training.loop import Training
from tvm_patch.nas.training.objectives import Classes, Objective
from tvm_patch.nas.training.sorting import sort_channels
from tvm_patch.nas.training.supernet import SuperNetwork

_LARGEST, _SAMPLED = 0, 1


class SuperTraining(Training):
    """A super network and where its training stands.

    Parameters
    ----------
    network : SuperNetwork
    pictures : Pictures or Scenes
        To train on.
    recipe : SuperRecipe
    seed : int
        Of the order of pictures and the subnets drawn.
    checkpoint : Path, optional
        File to go on from, where it exists, and to keep the state in.
    objective : Objective, optional
        The classes of pictures if None.
    """

    def __init__(
        self,
        network: SuperNetwork,
        pictures: Pictures | Scenes,
        recipe: SuperRecipe,
        seed: int = 0,
        checkpoint: Path | None = None,
        objective: Objective | None = None,
    ) -> None:
        self._objectives = [objective or Classes(r.smoothing) for r in (recipe.largest, recipe.sampled)]
        weights = network.trainable_variables
        super().__init__(weights, (), pictures, (recipe.largest, recipe.sampled), seed, checkpoint)
        self.network, self._subnets = network, recipe.subnets
        self._gradients = [tf.Variable(tf.zeros_like(v), trainable=False) for v in weights]
        self._accumulate = [self._accumulating(objective) for objective in self._objectives]
        self._apply = self._applying()

    def settings(self) -> dict[str, Any]:
        """Return what training depends on besides pictures, recipes and seed."""
        space = self.network.space.model_dump(mode="json")
        return {"space": space, "subnets": self._subnets, **self._objectives[0].settings()}

    def begin(self, phase: int, *, anew: bool) -> None:
        """Start a phase; channels are sorted before subnets are drawn."""
        if anew and phase == _SAMPLED:
            sort_channels(self.network)
        super().begin(phase, anew=anew)
        self._apply = self._applying()

    def step(self, phase: int, number: int) -> float:
        """Do a step and return the mean loss of its subnets."""
        recipe = self.phases[phase]
        count = 1 if phase == _LARGEST else self._subnets
        losses = []
        for index in range(count):
            subnet = self._drawn(random.Random(f"{self.seed}/{phase}/{number}/{index}"), phase)
            batches = self.pictures.batches(
                subnet.resolution, recipe.batch, seed=self.seed, augment=True, first=number * count + index
            )
            x, labels = next(batches)
            places = self.network.places_at(subnet.resolution)
            y = self._objectives[phase].targets(labels, (len(x), places, places))
            losses.append(self._accumulate[phase](x, y, self.network.uses(subnet)))
        self._apply(1 / count)
        return float(np.mean([float(loss) for loss in losses]))

    def _drawn(self, chance: random.Random, phase: int) -> Subnet:
        space = self.network.space
        if phase == _SAMPLED:
            return space.draw(chance)
        return space.largest().model_copy(update={"resolution": chance.choice(space.resolutions)})

    def _accumulating(self, objective: Objective) -> Callable[..., tf.Tensor]:
        network = self.network
        blocks, fields = network.uses(network.space.largest()).shape

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None, None, network.space.colors), tf.uint8),
                objective.spec(),
                tf.TensorSpec((blocks, fields), tf.int32),
            ]
        )
        def accumulate(x: tf.Tensor, y: Any, uses: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                loss = objective.loss(network.logits(x, uses, "train"), y)
            found = tape.gradient(loss, self.trained)
            for total, gradient in zip(self._gradients, found, strict=True):
                total.assign_add(gradient)
            return loss

        return accumulate

    def _applying(self) -> Callable[[float], None]:
        optimizer = self.optimizer

        @tf.function(input_signature=[tf.TensorSpec((), tf.float32)])
        def apply(scale: tf.Tensor) -> None:
            optimizer.apply([gradient * scale for gradient in self._gradients])
            for gradient in self._gradients:
                gradient.assign(tf.zeros_like(gradient))

        return apply
