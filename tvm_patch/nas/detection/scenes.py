"""Pictures with boxes, and tasks made of them: what the training of detectors knows of data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.detection.boxes import Boxes


class Scenes(Protocol):
    """A set of pictures with boxes, at any resolution."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; a label is the place of one."""

    @property
    def colors(self) -> int:
        """Channels of a picture: 1 or 3."""

    @property
    def boxes(self) -> tuple[Boxes, ...]:
        """The objects of every picture, in parts of the square that :meth:`at` gives."""

    def __len__(self) -> int:
        """Return how many pictures there are."""

    def at(self, resolution: int) -> np.ndarray:
        """Return all pictures in order, uint8 of shape (pictures, resolution, resolution, colors)."""

    def batches(
        self,
        resolution: int,
        size: int,
        *,
        seed: int | None = None,
        augment: bool = False,
        first: int = 0,
    ) -> Iterator[tuple[np.ndarray, tuple[Boxes, ...]]]:
        """Yield batches of pictures and their boxes; see :meth:`tvm_patch.nas.data.pictures.Pictures.batches`."""


@dataclass(frozen=True)
class DetectionTask:
    """A set of scenes in three parts: to train on, to choose by, and to report.

    Attributes
    ----------
    name : str
    classes : tuple of str
    train, validation, test : Scenes
    notes : tuple of str
        What was recognised and what was left out, for reports.
    """

    name: str
    classes: tuple[str, ...]
    train: Scenes
    validation: Scenes
    test: Scenes
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            scenes: Scenes = getattr(self, part)
            if not len(scenes):
                raise InputError(f"{self.name} has no pictures for {part}; give more, or another split")
            if scenes.classes != self.classes or scenes.colors != self.colors:
                raise InputError(f"{self.name}: {part} has other classes or channels than train")
        if not any(len(boxes) for boxes in self.train.boxes):
            raise InputError(f"{self.name} has no boxes to train on")

    @property
    def colors(self) -> int:
        """Channels of a picture."""
        return self.train.colors
