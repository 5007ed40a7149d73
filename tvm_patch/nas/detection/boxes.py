"""Boxes with a class each, in parts of the picture that they are in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tvm_patch.errors import InputError


@dataclass(frozen=True)
class Boxes:
    """The objects of one picture.

    Attributes
    ----------
    corners : array of float32
        Left, top, right, bottom of each, from 0 to 1.
    labels : array of int32
        The class of each.
    ignored : array of bool
        Objects that are too hard or too little of which is seen: finding one is neither right nor wrong.
    """

    corners: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray

    @classmethod
    def of(cls, corners: object, labels: object, ignored: object = None, classes: int | None = None) -> Boxes:
        """Return boxes, checked.

        Parameters
        ----------
        corners, labels, ignored : array-like
            As the attributes; nothing is ignored where nothing is said.
        classes : int, optional
            That there are.

        Raises
        ------
        InputError
            When they do not fit each other, are outside of the picture, or empty.
        """
        made = cls(
            np.asarray(corners, np.float32).reshape(-1, 4),
            np.asarray(labels, np.int32).reshape(-1),
            np.zeros(np.asarray(labels).size, bool)
            if ignored is None
            else np.asarray(ignored, bool).reshape(-1),
        )
        if not len(made.corners) == len(made.labels) == len(made.ignored):
            raise InputError(f"{len(made.corners)} boxes with {len(made.labels)} labels")
        if not ((made.corners >= 0) & (made.corners <= 1)).all():
            raise InputError("a box is outside of its picture")
        if not (made.corners[:, 2:] > made.corners[:, :2]).all():
            raise InputError("a box is empty")
        if classes is not None and not ((made.labels >= 0) & (made.labels < classes)).all():
            raise InputError(f"a label is none of {classes} classes")
        return made

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def sizes(self) -> np.ndarray:
        """Width and height of each."""
        sizes: np.ndarray = self.corners[:, 2:] - self.corners[:, :2]
        return sizes

    @property
    def centres(self) -> np.ndarray:
        """Where the middle of each is, across and down."""
        centres: np.ndarray = (self.corners[:, 2:] + self.corners[:, :2]) / 2
        return centres

    def mirrored(self) -> Boxes:
        """Return the boxes of the mirrored picture."""
        left, top, right, bottom = self.corners.T
        return Boxes(np.stack([1 - right, top, 1 - left, bottom], 1), self.labels, self.ignored)

    def within(self, window: tuple[float, float, float, float], least: float = 0.25) -> Boxes:
        """Return the boxes as they are in a window of the picture, which may reach beyond it.

        Parameters
        ----------
        window : tuple of float
            Left, top, right, bottom, in parts of this picture.
        least : float
            Of an object, what must be seen for it to be there at all; up to twice this it is ignored.
        """
        origin, extent = np.array(window[:2]), np.array(window[2:]) - np.array(window[:2])
        moved = ((self.corners.reshape(-1, 2, 2) - origin) / extent).reshape(-1, 4)
        cut = moved.clip(0, 1)
        seen = np.prod(cut[:, 2:] - cut[:, :2], axis=1) / np.prod(moved[:, 2:] - moved[:, :2], axis=1)
        there = (seen >= least) & (cut[:, 2:] > cut[:, :2]).all(1)
        return Boxes(
            cut[there].astype(np.float32),
            self.labels[there],
            self.ignored[there] | (seen[there] < 2 * least),
        )


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return intersection over union of each box with each other one.

    Parameters
    ----------
    one, other : array
        Corners, of shape (n, 4) and (m, 4).

    Returns
    -------
    array
        Of shape (n, m).
    """
    low = np.maximum(one[:, np.newaxis, :2], other[np.newaxis, :, :2])
    high = np.minimum(one[:, np.newaxis, 2:], other[np.newaxis, :, 2:])
    shared = np.prod((high - low).clip(0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    union = areas[0][:, np.newaxis] + areas[1][np.newaxis] - shared
    ratio: np.ndarray = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


def shape_overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return intersection over union of boxes that lie around the same middle, from widths and heights.

    Parameters
    ----------
    one, other : array
        Of shape (n, 2) and (m, 2).
    """
    shared = np.prod(np.minimum(one[:, np.newaxis], other[np.newaxis]), axis=2)
    ratio: np.ndarray = shared / (np.prod(one, axis=1)[:, np.newaxis] + np.prod(other, axis=1) - shared)
    return ratio
