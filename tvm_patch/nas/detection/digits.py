"""The generated task of :mod:`tvm_patch.nas.data.digits` as detection: several small digits in each large scene."""

from __future__ import annotations

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.digits import AUGMENTATION, CLASSES, SIZES, Digits, glyphs
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.detection.sets import SceneSamples

_MOST = 4


def digits_detection(
    seed: int = 0, sizes: tuple[int, int, int] = SIZES, digits: Digits | None = None
) -> DetectionTask:
    """Return the detection of one to four whole digits among parts of digits and strokes.

    Parameters
    ----------
    seed : int
    sizes : tuple of int
        Scenes for train, validation, test.
    digits : Digits, optional
        What draws them, instead of one of this seed.
    """
    if min(sizes) < 1:
        raise InputError(f"digits in {sizes} scenes; each of the three sets needs at least one")
    drawn = digits or Digits(seed)
    side = drawn.scenery.side
    sets = []
    for part, (size, source) in enumerate(zip(sizes, glyphs(drawn.seed), strict=True)):
        pictures = np.empty((size, side, side, drawn.colors), np.uint8)
        boxes = []
        for index in range(size):
            chance = np.random.default_rng([drawn.seed, part, index, 6])
            labels = chance.integers(len(CLASSES), size=chance.integers(1, _MOST, endpoint=True))
            pictures[index], corners = drawn.scene(labels.tolist(), source, chance)
            placed = ~np.isnan(corners[:, 0])
            boxes.append(Boxes.of(corners[placed] / side, labels[placed], classes=len(CLASSES)))
        sets.append(
            SceneSamples(
                CLASSES, drawn.colors, pictures.__getitem__, [(side, side)] * size, boxes,
                augmentation=AUGMENTATION,
            )
        )  # fmt: skip
    train, validation, test = sets
    note = f"{sum(sizes)} scenes drawn from scikit-learn's digits by seed {drawn.seed}"
    return DetectionTask("digits-detection", CLASSES, train, validation, test, (note,))
