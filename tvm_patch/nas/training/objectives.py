"""What networks are trained to say: the class of a picture, or where its objects are."""

from __future__ import annotations

from typing import Any, Protocol

import tensorflow as tf

from tvm_patch.nas.detection.head import Head
from tvm_patch.nas.detection.targets import Targets, assign
from tvm_patch.nas.training.detection_loss import detection_loss
from tvm_patch.nas.training.loss import smoothed_loss


class Objective(Protocol):
    """What a set of pictures asks of a network."""

    def targets(self, labels: Any, shape: tuple[int, ...]) -> Any:
        """Return as arrays what outputs of a shape, batch included, should be for the labels of a batch."""

    def loss(self, outputs: tf.Tensor, targets: Any) -> tf.Tensor:
        """Return how far outputs are from that; float32, of no dimension."""

    def spec(self) -> Any:
        """Return the targets' types, with whatever size."""

    def settings(self) -> dict[str, Any]:
        """Return what it depends on; JSON."""


class Classes:
    """The class of every picture.

    Parameters
    ----------
    smoothing : float
        What of each label is spread over all classes.
    """

    def __init__(self, smoothing: float) -> None:
        self._smoothing = smoothing

    def targets(self, labels: Any, shape: tuple[int, ...]) -> Any:
        """Return the labels themselves."""
        return labels

    def loss(self, outputs: tf.Tensor, targets: Any) -> tf.Tensor:
        """Return the mean cross entropy."""
        return smoothed_loss(outputs, targets, self._smoothing)

    def spec(self) -> Any:
        """Return the type of labels."""
        return tf.TensorSpec((None,), tf.int32)

    def settings(self) -> dict[str, Any]:
        """Return nothing: the recipe has the smoothing."""
        return {}


class Objects:
    """The boxes of every picture.

    Parameters
    ----------
    head : Head
        How outputs say them.
    """

    def __init__(self, head: Head) -> None:
        self._head = head

    def targets(self, labels: Any, shape: tuple[int, ...]) -> Any:
        """Return the targets of the places of a map."""
        return assign(self._head, labels, shape[1], shape[2])[0]

    def loss(self, outputs: tf.Tensor, targets: Any) -> tf.Tensor:
        """Return the detector's loss."""
        return detection_loss(self._head, outputs, targets)

    def spec(self) -> Any:
        """Return the types of targets."""
        places = (None, None, None, len(self._head.anchors))
        real = tf.TensorSpec(places, tf.float32)
        return Targets(
            places=tf.TensorSpec((*places, 4), tf.float32),
            present=real,
            counted=real,
            labels=tf.TensorSpec(places, tf.int32),
            weights=real,
        )

    def settings(self) -> dict[str, Any]:
        """Return the head."""
        return {"head": self._head.model_dump(mode="json")}
