"""The loss of a detector, as YOLOv2's: where boxes are, whether there are any, and of which class."""

from __future__ import annotations

import tensorflow as tf

from tvm_patch.nas.detection.head import PLACE, Head
from tvm_patch.nas.detection.targets import Targets

PLACE_WEIGHT = 5.0
NOTHING_WEIGHT = 0.5
"""Of places without an object, which are by far the most."""


def detection_loss(head: Head, outputs: tf.Tensor, targets: Targets) -> tf.Tensor:
    """Return the loss of a batch, for one picture in the mean.

    Parameters
    ----------
    head : Head
    outputs : Tensor
        float32 of shape (pictures, rows, columns, channels), as :meth:`Head.decode` reads them.
    targets : Targets
        From :func:`tvm_patch.nas.detection.targets.assign`; arrays or tensors.

    Returns
    -------
    Tensor
        float32, of no dimension.
    """
    shape = tf.shape(outputs)
    values = tf.reshape(
        tf.cast(outputs, tf.float32),
        tf.concat([shape[:3], [len(head.anchors), PLACE + len(head.classes)]], 0),
    )
    places, present, counted, labels, weights = (tf.convert_to_tensor(t) for t in targets)
    said = tf.concat([tf.sigmoid(values[..., :2]), values[..., 2:4]], -1)
    place = tf.reduce_sum(tf.square(said - places), -1) * present * weights
    is_one = tf.nn.sigmoid_cross_entropy_with_logits(labels=present, logits=values[..., 4])
    is_one *= counted * tf.where(present > 0, 1.0, NOTHING_WEIGHT)
    which = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=values[..., PLACE:])
    whole = PLACE_WEIGHT * place + is_one + which * present
    return tf.reduce_sum(whole) / tf.cast(shape[0], tf.float32)
