"""Pictures in a folder for each class, as ImageNet's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tvm_patch.nas.data.augment import Augmentation
from tvm_patch.nas.data.by_class import read_by_class
from tvm_patch.nas.data.decode import ENDINGS
from tvm_patch.nas.data.files import opened
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.data.sets import Chosen, PictureSamples
from tvm_patch.nas.data.store import picture_store


class FilePictures(PictureSamples):
    """Pictures in files; a few are kept, many are decoded each time.

    Parameters
    ----------
    classes : tuple of str
    files : sequence of path
    labels : array of int
    colors : int
        1 or 3.
    augmentation : Augmentation
    part : float
        As for :class:`PictureSamples`.

    Raises
    ------
    InputError
        Names the first file that is no picture and counts the others.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        files: Sequence[str | Path],
        labels: Sequence[int] | np.ndarray,
        colors: int = 3,
        augmentation: Augmentation | None = None,
        part: float = 1.0,
    ) -> None:
        super().__init__(classes, colors, labels, augmentation or Augmentation(), part)
        self._store = picture_store(files, colors)
        self._store.check()

    def picture(self, index: int) -> np.ndarray:
        """Return a picture as it is, but reduced where it is large."""
        return self._store.get(index)


def class_folders(
    source: Path | str,
    *,
    seed: int = 0,
    colors: int = 3,
    augmentation: Augmentation | None = None,
    part: float = 1.0,
) -> Task:
    """Return the task of telling the classes of a folder of pictures apart.

    Parameters
    ----------
    source : path
        ``DIR/train/CLASS/*`` with ``val``, ``test`` or both, or ``DIR/CLASS/*``; or a zip file of one.
    seed : int
        Of parts that the folder does not have.
    colors : int
        1 or 3.
    augmentation : Augmentation, optional
    part : float
        As for :class:`PictureSamples`; ImageNet's custom is 0.875.

    Raises
    ------
    InputError
        When the folder is empty or broken; names the first bad file and counts the others.
    """
    folder = opened(Path(source))
    found = read_by_class(folder, ENDINGS, seed, "pictures")
    whole = FilePictures(found.classes, found.files, found.labels, colors, augmentation, part)
    train, validation, test = (Chosen(whole, part) for part in (found.train, found.validation, found.test))
    return Task(Path(source).stem, found.classes, train, validation, test, found.notes)
