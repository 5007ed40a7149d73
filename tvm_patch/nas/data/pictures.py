"""Pictures with a class each, and tasks made of them: what training and evaluation know of data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tvm_patch.errors import InputError


class Pictures(Protocol):
    """A set of pictures with a class each, at any resolution."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; a label is the place of one."""

    @property
    def colors(self) -> int:
        """Channels of a picture: 1 or 3."""

    @property
    def labels(self) -> np.ndarray:
        """The class of every picture, int32."""

    def __len__(self) -> int:
        """Return how many pictures there are."""

    def at(self, resolution: int) -> np.ndarray:
        """Return all pictures in order, uint8 of shape (pictures, resolution, resolution, colors).

        The same pixels each time; small sets keep them.
        """

    def batches(
        self,
        resolution: int,
        size: int,
        *,
        seed: int | None = None,
        augment: bool = False,
        first: int = 0,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield batches of pictures (uint8) and labels (int32).

        Parameters
        ----------
        resolution : int
        size : int
            Pictures in a batch.
        seed : int, optional
            Without one: every picture once, in order, and the last batch may be smaller.  With one: endless, shuffled
            anew for each round, all batches full.
        augment : bool
            Change pictures at random as the task allows; needs a seed.
        first : int
            Batch to begin with, at once: training that goes on where it was stopped sees what it would have seen.
        """


@dataclass(frozen=True)
class Task:
    """A data set in three parts: to train on, to choose by, and to report.

    Attributes
    ----------
    name : str
    classes : tuple of str
    train, validation, test : Pictures
    notes : tuple of str
        What was recognised and what was left out, for reports.
    """

    name: str
    classes: tuple[str, ...]
    train: Pictures
    validation: Pictures
    test: Pictures
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            pictures: Pictures = getattr(self, part)
            if not len(pictures):
                raise InputError(f"{self.name} has no pictures for {part}; give more, or another split")
            if pictures.classes != self.classes or pictures.colors != self.colors:
                raise InputError(f"{self.name}: {part} has other classes or channels than train")

    @property
    def colors(self) -> int:
        """Channels of a picture."""
        return self.train.colors
