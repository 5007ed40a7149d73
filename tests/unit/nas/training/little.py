"""A space, a task and recipes that take seconds."""

import numpy as np

from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.data.sets import ArrayPictures
from tvm_patch.nas.space import Space, Stage

CLASSES = ("lying", "standing", "none")
SPACE = Space(
    name="little",
    resolutions=(12, 16),
    stem=8,
    stages=(
        Stage(channels=8, stride=1, depths=(1,), kernels=(3,), expansions=(1,)),
        Stage(
            channels=16,
            stride=2,
            depths=(1, 2),
            kernels=(1, 3, 5),
            expansions=(2, 3),
            widths=(0.5, 1),
            squeeze=0.5,
        ),
        Stage(channels=24, stride=1, depths=(1, 2), kernels=(3,), expansions=(2, 4)),
    ),
    head=32,
    classes=3,
    colors=1,
)
_STILL = Augmentation(area=(1, 1), aspect=(1, 1), flip=False, brightness=0, contrast=0, saturation=0)


def bars(count, seed):
    """Pictures of a bar that lies, of one that stands, and of nothing, in noise."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 3, count)
    pictures = chance.integers(0, 90, (count, 16, 16, 1), dtype=np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        at = chance.integers(2, 13)
        if label == 0:
            picture[at : at + 2] += 150
        elif label == 1:
            picture[:, at : at + 2] += 150
    return ArrayPictures(CLASSES, pictures, labels, _STILL)


def task():
    return Task("bars", CLASSES, bars(256, 1), bars(96, 2), bars(64, 3))
