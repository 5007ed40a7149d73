"""Stochastic gradient descent as a recipe has it, over any variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from tvm_patch.errors import UserError
from tvm_patch.nas.recipe import Recipe


class Optimizer:
    """Nesterov momentum; weights decay, biases and normalization do not.

    Parameters
    ----------
    variables : sequence of Variable
    recipe : Recipe
    """

    def __init__(self, variables: Sequence[tf.Variable], recipe: Recipe) -> None:
        self.recipe = recipe
        self._sgd = keras.optimizers.SGD(
            recipe.rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.decay or None,
            global_clipnorm=recipe.clip or None,
        )
        if recipe.decay:
            self._sgd.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
        self._sgd.build(list(variables))
        self._slots = [v for v in self._sgd.variables if v.path.endswith("momentum")]

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """Step along gradients, in the order of the variables; may be traced."""
        self._sgd.apply(list(gradients))

    def set_step(self, step: int) -> None:
        """Take the learning rate of a step."""
        self._sgd.learning_rate.assign(self.recipe.rate_at(step))

    def state(self) -> dict[str, np.ndarray]:
        """Return the momentum by name."""
        return {f"momentum/{i}": np.asarray(slot) for i, slot in enumerate(self._slots)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take the momentum of :meth:`state`."""
        for index, slot in enumerate(self._slots):
            slot.assign(_of_shape(arrays, f"momentum/{index}", tuple(slot.shape)))


def weights_by_place(variables: Sequence[tf.Variable]) -> dict[str, np.ndarray]:
    """Return variables as arrays, by place and name."""
    return {f"{i}/{v.name.split(':')[0]}": v.numpy() for i, v in enumerate(variables)}


def restore_weights(variables: Sequence[tf.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    """Take the values of :func:`weights_by_place`.

    Raises
    ------
    UserError
        When one is missing or has another shape.
    """
    for index, variable in enumerate(variables):
        name = f"{index}/{variable.name.split(':')[0]}"
        variable.assign(_of_shape(arrays, name, tuple(variable.shape)))


def _of_shape(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    found = arrays.get(name)
    if found is None or found.shape != shape:
        raise UserError(f"the checkpoint has no {name} of shape {list(shape)}; delete it to start anew")
    return found
