"""How good a subnet is with the weights that it inherits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

import numpy as np

from tvm_patch.nas.data.pictures import Pictures
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
    calibration : Pictures
        Of the training set.
    validation : Pictures
        To be right about.
    batches, size : int
        Of calibration: batches, and pictures in each.
    """

    def __init__(
        self,
        network: SuperNetwork,
        calibration: Pictures,
        validation: Pictures,
        batches: int = 20,
        size: int = 64,
    ) -> None:
        self.network, self.validation = network, validation
        self._calibration, self._batches, self._size = calibration, batches, size

    def accuracy(self, subnet: Subnet) -> float:
        """Return the part of the validation pictures that a subnet is right about."""
        self.calibrate(subnet)
        right = 0
        for x, y in self.validation.batches(subnet.resolution, 256):
            right += int(np.count_nonzero(self.network.predict(subnet, x).argmax(1) == y))
        return right / len(self.validation)

    def calibrate(self, subnet: Subnet) -> None:
        """Take the moments of batch normalization for a subnet."""
        drawn = self._calibration.batches(subnet.resolution, self._size, seed=_SEED)
        self.network.recalibrate(subnet, (x for x, _ in islice(drawn, self._batches)))


def make_judge(
    space: Space,
    weights: Mapping[str, np.ndarray],
    calibration: Pictures,
    validation: Pictures,
    batches: int,
    size: int,
) -> Callable[[Subnet], float]:
    """Return what tells the accuracy of a subnet; for workers, which get all that it takes.

    Parameters
    ----------
    space : Space
    weights : mapping of str to ndarray
        Of :func:`~tvm_patch.nas.training.optimizer.weights_by_place`, of the super network.
    calibration, validation, batches, size
        As for :class:`Judge`.
    """
    network = SuperNetwork(space)
    restore_weights(network.trainable_variables, weights)
    return Judge(network, calibration, validation, batches, size).accuracy
