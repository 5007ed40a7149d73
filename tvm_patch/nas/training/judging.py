"""How good a subnet is with the weights that it inherits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from tvm_patch.nas.data.pictures import Pictures
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.head import Detections, Head
from tvm_patch.nas.detection.scenes import Scenes
from tvm_patch.nas.detection.score import score
from tvm_patch.nas.space import Space, Subnet
from tvm_patch.nas.training.optimizer import restore_weights
from tvm_patch.nas.training.supernet import SuperNetwork

_SEED = 0x5EED
"""Of the pictures that normalization is calibrated with: the same for all subnets."""


class Judge:
    """Accuracy of subnets, each with its own calibration of batch normalization.

    Parameters
    ----------
    network : SuperNetwork
        Trained.
    calibration : Pictures or Scenes
        Of the training set.
    validation : Pictures or Scenes
        To be right about.
    batches, size : int
        Of calibration: batches, and pictures in each.
    head : Head, optional
        Of detectors, whose fitness is average precision at an overlap of a half.
    """

    def __init__(
        self,
        network: SuperNetwork,
        calibration: Pictures | Scenes,
        validation: Pictures | Scenes,
        batches: int = 20,
        size: int = 64,
        head: Head | None = None,
    ) -> None:
        self.network, self.validation, self._head = network, validation, head
        self._calibration, self._batches, self._size = calibration, batches, size

    def accuracy(self, subnet: Subnet) -> float:
        """Return the part of the validation pictures that a subnet is right about, of detectors average precision."""
        self.calibrate(subnet)
        batches = self.validation.batches(subnet.resolution, 256)
        if self._head is not None:
            return self._precision(subnet, batches, self._head)
        right = sum(np.count_nonzero(self.network.predict(subnet, x).argmax(1) == y) for x, y in batches)
        return int(right) / len(self.validation)

    def _precision(self, subnet: Subnet, batches: Iterator[tuple[np.ndarray, Any]], head: Head) -> float:
        found: list[Detections] = []
        boxes: list[Boxes] = []
        for x, wanted in batches:
            found += head.decode(self.network.predict(subnet, x))
            boxes += wanted
        return score(found, boxes, head.classes).mean_ap50

    def calibrate(self, subnet: Subnet) -> None:
        """Take the moments of batch normalization for a subnet."""
        drawn = self._calibration.batches(subnet.resolution, self._size, seed=_SEED)
        self.network.recalibrate(subnet, (x for x, _ in islice(drawn, self._batches)))


def make_judge(
    space: Space,
    weights: Mapping[str, np.ndarray],
    calibration: Pictures | Scenes,
    validation: Pictures | Scenes,
    batches: int,
    size: int,
    head: Head | None = None,
) -> Callable[[Subnet], float]:
    """Return what tells the accuracy of a subnet; for workers, which get all that it takes.

    Parameters
    ----------
    space : Space
    weights : mapping of str to ndarray
        Of :func:`~tvm_patch.nas.training.optimizer.weights_by_place`, of the super network.
    calibration, validation, batches, size, head
        As for :class:`Judge`.
    """
    network = SuperNetwork(space)
    restore_weights(network.trainable_variables, weights)
    return Judge(network, calibration, validation, batches, size, head).accuracy
