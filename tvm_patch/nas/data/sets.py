"""Sets of pictures by class: in memory, as files, or a part of another set."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.data.resize import central, resized
from tvm_patch.nas.data.samples import Samples, in_batches


class LabelledSamples(Samples):
    """Samples with a class each: what :class:`tvm_patch.nas.data.pictures.Pictures` asks for.

    Parameters
    ----------
    classes : tuple of str
    colors : int
    labels : array of int
    """

    def __init__(self, classes: tuple[str, ...], colors: int, labels: Sequence[int] | np.ndarray) -> None:
        super().__init__(classes, colors)
        self.labels = np.asarray(labels, np.int32)
        if self.labels.size and not 0 <= self.labels.min() <= self.labels.max() < len(classes):
            raise InputError(
                f"labels from {self.labels.min()} to {self.labels.max()}; there are {len(classes)} classes"
            )
        self.labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def augmented(self, index: int, resolution: int, chance: np.random.Generator) -> np.ndarray:
        """Return one picture, changed at random; its shape is that of :meth:`sized`."""

    def batches(
        self,
        resolution: int,
        size: int,
        *,
        seed: int | None = None,
        augment: bool = False,
        first: int = 0,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield batches; see :meth:`tvm_patch.nas.data.pictures.Pictures.batches`."""
        if augment and seed is None:
            raise InputError("pictures are changed at random, which needs a seed")

        def make(index: int, place: int) -> np.ndarray:
            if not augment:
                return self._sized(index, resolution)
            return self.augmented(index, resolution, np.random.default_rng([seed or 0, place, 1]))

        shape = (resolution, resolution, self.colors)
        for pictures, indices in in_batches(len(self), size, seed, first, shape, make):
            yield pictures, self.labels[indices]


class PictureSamples(LabelledSamples):
    """Labelled samples that are pictures, of whatever size and form.

    Parameters
    ----------
    classes : tuple of str
    colors : int
    labels : array of int
    augmentation : Augmentation
    part : float
        Of the central square of a picture, the part of its side that is looked at where nothing is random.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        colors: int,
        labels: Sequence[int] | np.ndarray,
        augmentation: Augmentation,
        part: float = 1.0,
    ) -> None:
        super().__init__(classes, colors, labels)
        self.augmentation = augmentation
        self.part = part

    @abstractmethod
    def picture(self, index: int) -> np.ndarray:
        """Return a picture as it is, uint8 of shape (rows, columns, colors)."""

    def sized(self, index: int, resolution: int) -> np.ndarray:
        """Return the central square of a picture."""
        picture = self.picture(index)
        return resized(picture, (resolution, resolution), central(picture.shape, self.part))

    def augmented(self, index: int, resolution: int, chance: np.random.Generator) -> np.ndarray:
        """Return a picture as the augmentation changes it."""
        return self.augmentation.apply(self.picture(index), resolution, chance)


class ArrayPictures(PictureSamples):
    """Pictures in memory.

    Parameters
    ----------
    classes : tuple of str
    pictures : array
        uint8 of shape (pictures, rows, columns, colors), at the largest size that is asked for.
    labels : array of int
    augmentation : Augmentation
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        pictures: np.ndarray,
        labels: Sequence[int] | np.ndarray,
        augmentation: Augmentation,
    ) -> None:
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or len(pictures) != len(labels):
            raise InputError(
                f"pictures of {pictures.dtype}{pictures.shape} for {len(labels)} labels; "
                "they must be uint8 of shape (pictures, rows, columns, channels), one a label"
            )
        super().__init__(classes, pictures.shape[3], labels, augmentation)
        self._pictures = pictures

    def picture(self, index: int) -> np.ndarray:
        """Return a picture as it is."""
        picture: np.ndarray = self._pictures[index]
        return picture


class Chosen(LabelledSamples):
    """Some of the samples of another set, which keeps what is kept.

    Parameters
    ----------
    whole : LabelledSamples
    indices : array of int
        Which ones, in this order.
    """

    def __init__(self, whole: LabelledSamples, indices: np.ndarray) -> None:
        super().__init__(whole.classes, whole.colors, whole.labels[indices])
        self._whole, self._indices = whole, indices

    def sized(self, index: int, resolution: int) -> np.ndarray:
        """Return a sample of the whole set."""
        return self._whole.sized(int(self._indices[index]), resolution)

    def augmented(self, index: int, resolution: int, chance: np.random.Generator) -> np.ndarray:
        """Return a sample of the whole set, changed at random."""
        return self._whole.augmented(int(self._indices[index]), resolution, chance)
