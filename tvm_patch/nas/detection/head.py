"""The head of a detector, as YOLOv2's: what the numbers of every place on its grid mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from tvm_patch.errors import InputError
from tvm_patch.nas.detection.boxes import overlaps
from tvm_patch.nas.record import Record

PLACE = 5
"""Numbers of an anchor before its classes: across, down, width, height, objectness."""
_LARGEST = 8.0
"""Of a width or height, the greatest logarithm that is meant: beyond it a box is larger than any picture."""
_Size = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


@dataclass(frozen=True)
class Detections:
    """What was found in one picture, the surest first.

    Attributes
    ----------
    corners : array of float32
        Left, top, right, bottom of each, from 0 to 1.
    labels : array of int32
    scores : array of float32
        From 0 to 1.
    """

    corners: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, indices: np.ndarray) -> Detections:
        """Return some of them, in this order."""
        return Detections(self.corners[indices], self.labels[indices], self.scores[indices])


class Head(Record):
    """A head: for each place of a grid and each anchor, where a box is, whether it is one, and of which class.

    Attributes
    ----------
    classes : tuple of str
    anchors : tuple of tuple of float
        Width and height of each, in parts of the picture.
    """

    kind: ClassVar[str] = "detection head"
    format: Literal["tvm-patch detection head"] = "tvm-patch detection head"
    version: Literal[1] = 1
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    anchors: Annotated[tuple[tuple[_Size, _Size], ...], Field(min_length=1)]

    @property
    def channels(self) -> int:
        """How many numbers a network makes for each place."""
        return len(self.anchors) * (PLACE + len(self.classes))

    def split(self, outputs: np.ndarray) -> np.ndarray:
        """Return what a network makes, by anchor.

        Parameters
        ----------
        outputs : array
            Of shape (pictures, rows, columns, channels).

        Returns
        -------
        array
            Of shape (pictures, rows, columns, anchors, 5 + classes).

        Raises
        ------
        InputError
            When the shape is not that of this head.
        """
        if outputs.ndim != 4 or outputs.shape[3] != self.channels:
            raise InputError(
                f"outputs of shape {outputs.shape}; this head makes (pictures, rows, columns, {self.channels})"
            )
        return outputs.reshape(*outputs.shape[:3], len(self.anchors), PLACE + len(self.classes))

    def decode(
        self,
        outputs: np.ndarray,
        threshold: float = 0.01,
        overlap: float = 0.45,
        most: int = 100,
    ) -> tuple[Detections, ...]:
        """Return what a network found in each picture.

        Parameters
        ----------
        outputs : array
            Floats of shape (pictures, rows, columns, channels).
        threshold : float
            Of objectness times class, the least that counts.
        overlap : float
            Of two boxes of a class that overlap by more, only the surer one is kept.
        most : int
            Boxes of a picture.
        """
        values = self.split(outputs).astype(np.float32)
        _, rows, columns, _, _ = values.shape
        across, down = np.arange(columns)[:, np.newaxis], np.arange(rows)[:, np.newaxis, np.newaxis]
        centres = np.stack(
            [
                (_sigmoid(values[..., 0]) + across) / columns,
                (_sigmoid(values[..., 1]) + down) / rows,
            ],
            -1,
        )
        sizes = np.array(self.anchors, np.float32) * np.exp(values[..., 2:4].clip(-_LARGEST, _LARGEST))
        corners = np.concatenate([centres - sizes / 2, centres + sizes / 2], -1).clip(0, 1)
        scores = _sigmoid(values[..., 4:5]) * _softmax(values[..., PLACE:])
        return tuple(
            _found(c.reshape(-1, 4), s.reshape(-1, len(self.classes)), threshold, overlap, most)
            for c, s in zip(corners.astype(np.float32), scores.astype(np.float32), strict=True)
        )


def suppressed(found: Detections, overlap: float, most: int) -> Detections:
    """Return detections without those that overlap with a surer one of their class.

    Parameters
    ----------
    found : Detections
    overlap : float
        From which on two boxes are taken for one.
    most : int
        That are returned.
    """
    order = np.argsort(-found.scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        shared = overlaps(found.corners[best : best + 1], found.corners[rest])[0]
        same = found.labels[rest] == found.labels[best]
        order = rest[np.logical_not(same & (shared > overlap))]
    return found.at(np.array(kept, int))


def _found(
    corners: np.ndarray, scores: np.ndarray, threshold: float, overlap: float, most: int
) -> Detections:
    real: np.ndarray = np.all(corners[:, 2:] > corners[:, :2], axis=1)
    places, labels = np.nonzero((scores >= threshold) & real[:, np.newaxis])
    return suppressed(
        Detections(corners[places], labels.astype(np.int32), scores[places, labels]), overlap, most
    )


def _sigmoid(x: np.ndarray) -> np.ndarray:
    half: np.ndarray = 0.5 * (1 + np.tanh(0.5 * x))
    return half


def _softmax(x: np.ndarray) -> np.ndarray:
    raised = np.exp(x - x.max(-1, keepdims=True))
    shares: np.ndarray = raised / raised.sum(-1, keepdims=True)
    return shares
