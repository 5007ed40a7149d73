"""The loss of a classifier."""

from __future__ import annotations

import tensorflow as tf


def smoothed_loss(logits: tf.Tensor, labels: tf.Tensor, smoothing: tf.Tensor) -> tf.Tensor:
    """Return the mean cross entropy against smoothed labels.

    Parameters
    ----------
    logits : Tensor
        float32 (N, classes).
    labels : Tensor
        int32 (N,).
    smoothing : Tensor
        What of each label is spread over all classes (Szegedy et al. 2016).
    """
    likely = tf.nn.log_softmax(logits)
    right = tf.gather(likely, labels, axis=1, batch_dims=1)
    return -tf.reduce_mean((1 - smoothing) * right + smoothing * tf.reduce_mean(likely, 1))
