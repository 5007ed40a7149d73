"""The same numbers in every run."""

from __future__ import annotations

import keras
import tensorflow as tf


def deterministic(seed: int) -> None:
    """Let TensorFlow compute the same for the same seed, whatever its threads do.

    Parameters
    ----------
    seed : int
        Of what Keras and TensorFlow draw by themselves.
    """
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
