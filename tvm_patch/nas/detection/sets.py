"""Sets of pictures with boxes: in memory, as files, or a part of another set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.data.resize import Box, resized
from tvm_patch.nas.data.samples import Samples, in_batches
from tvm_patch.nas.data.split import split
from tvm_patch.nas.detection.boxes import Boxes

Fit = Literal["stretch", "letterbox"]
"""How a picture that is no square becomes one: distorted, or with grey beside it."""
_GREY = 127
AUGMENTATION = Augmentation(area=(0.4, 1.0))


class SceneSamples(Samples):
    """Pictures with boxes: what :class:`tvm_patch.nas.detection.scenes.Scenes` asks for.

    Parameters
    ----------
    classes : tuple of str
    colors : int
    picture : callable
        Returns a picture by its number, uint8 of shape (rows, columns, colors).
    shapes : sequence of tuple
        Rows and columns of every picture, or whatever has their ratio.
    boxes : sequence of Boxes
        Of every picture, in parts of it.
    fit : {"stretch", "letterbox"}
    augmentation : Augmentation
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        colors: int,
        picture: Callable[[int], np.ndarray],
        shapes: Sequence[tuple[int, int]],
        boxes: Sequence[Boxes],
        fit: Fit = "stretch",
        augmentation: Augmentation = AUGMENTATION,
    ) -> None:
        super().__init__(classes, colors)
        if len(shapes) != len(boxes):
            raise InputError(f"{len(shapes)} pictures with boxes for {len(boxes)}")
        self._picture, self._shapes, self._boxes = picture, tuple(shapes), tuple(boxes)
        self.fit, self.augmentation = fit, augmentation
        self.boxes = tuple(
            boxes.within(self._window((0, 0, columns, rows), (rows, columns)), least=0)
            for boxes, (rows, columns) in zip(self._boxes, self._shapes, strict=True)
        )

    def __len__(self) -> int:
        return len(self._boxes)

    def _square(self, box: Box) -> Box:
        """Return what is looked at for a box to be seen whole: the box itself, or the square around it."""
        left, top, right, bottom = box
        if self.fit == "stretch":
            return box
        beside = (max(right - left, bottom - top) - (right - left)) / 2
        above = (max(right - left, bottom - top) - (bottom - top)) / 2
        return (left - beside, top - above, right + beside, bottom + above)

    def _window(self, box: Box, shape: tuple[int, ...]) -> Box:
        left, top, right, bottom = self._square(box)
        rows, columns = shape[:2]
        return (left / columns, top / rows, right / columns, bottom / rows)

    def _cut(self, picture: np.ndarray, box: Box, resolution: int) -> np.ndarray:
        """Return what a box holds of a picture, as a square; grey where there is nothing."""
        rows, columns = picture.shape[:2]
        square = self._square(box)
        pad = max(0, int(np.ceil(max(-square[0], -square[1], square[2] - columns, square[3] - rows))))
        if pad:
            picture = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)), constant_values=_GREY)
        left, top, right, bottom = (x + pad for x in square)
        return resized(picture, (resolution, resolution), (left, top, right, bottom))

    def sized(self, index: int, resolution: int) -> np.ndarray:
        """Return a picture as a square."""
        picture = self._picture(index)
        rows, columns = picture.shape[:2]
        return self._cut(picture, (0, 0, columns, rows), resolution)

    def augmented(self, index: int, resolution: int, chance: np.random.Generator) -> tuple[np.ndarray, Boxes]:
        """Return a picture changed at random, and its boxes as they then are."""
        picture = self._picture(index)
        box = self.augmentation.cut(picture.shape, chance)
        made = self._cut(picture, box, resolution)
        seen = self._boxes[index].within(self._window(box, picture.shape))
        if self.augmentation.flip and chance.random() < 0.5:
            made, seen = made[:, ::-1], seen.mirrored()
        return self.augmentation.lit(made, chance), seen

    def batches(
        self,
        resolution: int,
        size: int,
        *,
        seed: int | None = None,
        augment: bool = False,
        first: int = 0,
    ) -> Iterator[tuple[np.ndarray, tuple[Boxes, ...]]]:
        """Yield batches; see :meth:`tvm_patch.nas.data.pictures.Pictures.batches`."""
        if augment and seed is None:
            raise InputError("pictures are changed at random, which needs a seed")
        seen: dict[int, Boxes] = {}

        def make(index: int, place: int) -> np.ndarray:
            if augment:
                chance = np.random.default_rng([seed or 0, place, 1])
                picture, seen[place] = self.augmented(index, resolution, chance)
                return picture
            seen[place] = self.boxes[index]
            return self._sized(index, resolution)

        place = first * size
        shape = (resolution, resolution, self.colors)
        for pictures, indices in in_batches(len(self), size, seed, first, shape, make):
            yield pictures, tuple(seen.pop(place + offset) for offset in range(len(indices)))
            place += len(indices)

    def some(self, indices: np.ndarray) -> SceneSamples:
        """Return some of the scenes, in this order."""
        return SceneSamples(
            self.classes,
            self.colors,
            lambda index: self._picture(int(indices[index])),
            [self._shapes[i] for i in indices],
            [self._boxes[i] for i in indices],
            self.fit,
            self.augmentation,
        )


def split_scenes(
    boxes: Sequence[Boxes], classes: int, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of what stays and of what is taken, so that rare classes are in both.

    Parameters
    ----------
    boxes : sequence of Boxes
    classes : int
    fraction : float
    seed : int
    """
    counts = np.bincount(np.concatenate([b.labels for b in boxes] or [np.empty(0, int)]), minlength=classes)
    rarest = [b.labels[np.argmin(counts[b.labels])] if len(b) else classes for b in boxes]
    return split(np.array(rarest, int), fraction, seed)
