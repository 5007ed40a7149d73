"""Pictures with a square each: detection that takes seconds."""

import numpy as np

from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.detection.sets import SceneSamples

CLASSES = ("bright", "dark")
_STILL = Augmentation(area=(1, 1), aspect=(1, 1), flip=True, brightness=0, contrast=0, saturation=0)


def squares(count, seed):
    """Pictures of 32×32 with one square of 9 pixels, bright or dark, on grey noise."""
    chance = np.random.default_rng(seed)
    pictures = chance.integers(100, 156, (count, 32, 32, 1), dtype=np.uint8)
    boxes = []
    for picture in pictures:
        label = int(chance.integers(2))
        top, left = chance.integers(0, 24, 2)
        picture[top : top + 9, left : left + 9] = 5 if label else 250
        corners = np.array([[left, top, left + 9, top + 9]], np.float32) / 32
        boxes.append(Boxes(corners, np.array([label], np.int32), np.array([False])))
    return SceneSamples(CLASSES, 1, lambda i: pictures[i], [(32, 32)] * count, boxes, augmentation=_STILL)


def task():
    return DetectionTask("squares", CLASSES, squares(128, 0), squares(16, 1), squares(24, 2))
