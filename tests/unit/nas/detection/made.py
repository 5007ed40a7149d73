"""Outputs that a perfect detector would make."""

from __future__ import annotations

import numpy as np

from tvm_patch.nas.detection.head import PLACE, Head
from tvm_patch.nas.detection.targets import Targets

SURE = 20.0


def perfect_outputs(head: Head, targets: Targets) -> np.ndarray:
    """Return what decodes to the objects that the targets were made of."""
    shape = targets.present.shape
    values = np.zeros((*shape, PLACE + len(head.classes)), np.float32)
    within = targets.places[..., :2].clip(1e-6, 1 - 1e-6)
    values[..., :2] = np.log(within / (1 - within))
    values[..., 2:4] = targets.places[..., 2:]
    values[..., 4] = np.where(targets.present > 0, SURE, -SURE)
    values[..., PLACE:] = np.where(np.arange(len(head.classes)) == targets.labels[..., np.newaxis], SURE, 0)
    return values.reshape(*shape[:3], head.channels)


def random_boxes(chance: np.random.Generator, count: int, classes: int):
    """Return boxes of 4 to 40 % of the picture, anywhere."""
    from tvm_patch.nas.detection.boxes import Boxes

    sizes = chance.uniform(0.04, 0.4, (count, 2))
    low = chance.uniform(0, 1 - sizes)
    return Boxes.of(np.concatenate([low, low + sizes], 1), chance.integers(classes, size=count))
