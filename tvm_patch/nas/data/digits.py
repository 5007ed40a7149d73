"""A task that is made, not downloaded: small digits in large cluttered scenes, where resolution pays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tvm_patch.errors import InputError, ToolMissingError
from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.data.clutter import Glyphs, Scenery, enlarged, paste
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.data.sets import ArrayPictures

CLASSES = tuple("0123456789")
SIZES = (6000, 1000, 2000)
"""Scenes to train on, to choose by, to report."""
_PARTS = (0.6, 0.1, 0.3)
"""Of scikit-learn's digits, for the three: no digit is in scenes of two."""
AUGMENTATION = Augmentation(area=(0.87, 1), aspect=(1, 1), flip=False, saturation=0)
"""Cuts off no more than the margin without digits."""


def glyphs(seed: int) -> tuple[tuple[Glyphs, np.ndarray], ...]:
    """Return scikit-learn's digits for train, validation and test: pictures (uint8) and labels.

    Parameters
    ----------
    seed : int

    Raises
    ------
    ToolMissingError
        scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ToolMissingError(
            "the task of digits needs scikit-learn; install it with: pip install 'tvm-patch[nas]'"
        ) from error
    loaded = load_digits()
    pictures = np.rint(loaded.images * (255 / 16)).astype(np.uint8)
    labels = loaded.target.astype(np.int32)
    order = np.random.default_rng([seed, 3]).permutation(len(labels))
    ends = np.rint(np.cumsum(_PARTS) * len(labels)).astype(int)
    return tuple((pictures[part], labels[part]) for part in np.split(order, ends[:-1]))


@dataclass(frozen=True)
class Digits:
    """Draws scenes by a seed.

    Attributes
    ----------
    seed : int
    colors : int
        1, or 3 for scenes and digits in colours.
    scenery : Scenery
    """

    seed: int = 0
    colors: int = 1
    scenery: Scenery = field(default_factory=Scenery)

    def __post_init__(self) -> None:
        if self.colors not in (1, 3):
            raise InputError(f"scenes of {self.colors} channels; there can be 1 or 3")
        room = self.scenery.side - 2 * self.scenery.margin
        # None of scikit-learn's digits is twice as wide as high.
        if 2 * self.scenery.digits[1] > room:
            raise InputError(
                f"digits of {self.scenery.digits[1]} pixels in {room}; they need a scene of twice their size"
            )

    def task(self, sizes: tuple[int, int, int] = SIZES) -> Task:
        """Return the classification of scenes by the one whole digit in each.

        Parameters
        ----------
        sizes : tuple of int
            Scenes for train, validation, test.
        """
        if min(sizes) < 1:
            raise InputError(f"digits in {sizes} scenes; each of the three sets needs at least one")
        sets = []
        for part, (size, source) in enumerate(zip(sizes, glyphs(self.seed), strict=True)):
            side = self.scenery.side
            pictures = np.empty((size, side, side, self.colors), np.uint8)
            # All digits equally often: each once in ten scenes.
            rounds = [
                np.random.default_rng([self.seed, part, turn, 4]).permutation(len(CLASSES))
                for turn in range(-(-size // len(CLASSES)))
            ]
            labels = np.concatenate(rounds)[:size]
            for index, label in enumerate(labels):
                chance = np.random.default_rng([self.seed, part, index, 5])
                pictures[index], _ = self.scene([int(label)], source, chance)
            sets.append(ArrayPictures(CLASSES, pictures, labels, AUGMENTATION))
        train, validation, test = sets
        note = f"{sum(sizes)} scenes drawn from scikit-learn's digits by seed {self.seed}"
        return Task("digits", CLASSES, train, validation, test, (note,))

    def scene(
        self, labels: list[int], source: tuple[Glyphs, np.ndarray], chance: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a scene with digits, uint8 of shape (side, side, colors), and their boxes.

        Parameters
        ----------
        labels : list of int
            A digit for each; one that finds no free place is left out, and its box is all NaN.
        source : tuple
            Digits and their labels.
        chance : numpy.random.Generator

        Returns
        -------
        scene : array
        boxes : array
            Left, top, right, bottom of each digit, in pixels.
        """
        pictures, known = source
        scenery = self.scenery
        scene = scenery.background(chance)
        for _ in range(chance.integers(*scenery.parts, endpoint=True)):
            scenery.part(scene, pictures[chance.integers(len(pictures))], chance)
        boxes = np.full((len(labels), 4), np.nan, np.float32)
        for index, label in enumerate(labels):
            (members,) = np.nonzero(known == label)
            cover = enlarged(
                pictures[chance.choice(members)], int(chance.integers(*scenery.digits, endpoint=True))
            )
            place = self._free(cover.shape, boxes, chance)
            if place is None:
                continue
            top, left = place
            paste(scene, cover, top, left, chance.uniform(170, 255))
            boxes[index] = left, top, left + cover.shape[1], top + cover.shape[0]
        return self._colored(scenery.finish(scene, chance), chance), boxes

    def _free(
        self, shape: tuple[int, ...], boxes: np.ndarray, chance: np.random.Generator
    ) -> tuple[int, int] | None:
        """Return a place inside the margin where no other digit is."""
        side, margin = self.scenery.side, self.scenery.margin
        for _ in range(20):
            top, left = (int(chance.integers(margin, side - margin - extent + 1)) for extent in shape)
            apart = (
                (left >= boxes[:, 2])
                | (left + shape[1] <= boxes[:, 0])
                | (top >= boxes[:, 3])
                | (top + shape[0] <= boxes[:, 1])
            )
            if (apart | np.isnan(boxes[:, 0])).all():
                return top, left
        return None

    def _colored(self, scene: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        if self.colors == 1:
            return scene[:, :, np.newaxis]
        tint = chance.uniform(0.75, 1, 3)
        return np.rint(scene[:, :, np.newaxis] * tint).astype(np.uint8)
