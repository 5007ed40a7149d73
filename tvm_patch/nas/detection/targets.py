"""What a detector should say: objects given to places of its grid and to anchors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tvm_patch.nas.detection.boxes import Boxes, overlaps, shape_overlaps
from tvm_patch.nas.detection.head import Head

_NEAR = 0.6
"""From this overlap with an object on, an anchor that is not responsible for it is not told that nothing is there."""


class Targets(NamedTuple):
    """What a detector should say of a batch; all but `places` of shape (pictures, rows, columns, anchors).

    Attributes
    ----------
    places : array of float32
        Of shape (..., 4): where in its place the middle is, across and down, from 0 to 1; logarithms of width and
        height by the anchor's.
    present : array of float32
        1 where an object is, 0 elsewhere.
    counted : array of float32
        0 where it does not matter whether an object is claimed, 1 elsewhere.
    labels : array of int32
        Of the object; 0 where there is none.
    weights : array of float32
        Of places: two less the area, since a pixel more matters more for small objects.
    """

    places: np.ndarray
    present: np.ndarray
    counted: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def assign(head: Head, scenes: Sequence[Boxes], rows: int, columns: int) -> tuple[Targets, int]:
    """Return the targets of a batch, and how many objects found no anchor that was free.

    An object belongs to the place that its middle is in, and there to the free anchor most like it; the smallest choose
    first.  Objects to be ignored take no anchor.

    Parameters
    ----------
    head : Head
    scenes : sequence of Boxes
        Of each picture.
    rows, columns : int
        Of the grid.
    """
    shape = (len(scenes), rows, columns, len(head.anchors))
    made = Targets(
        np.zeros((*shape, 4), np.float32),
        np.zeros(shape, np.float32),
        np.ones(shape, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.float32),
    )
    anchors = np.array(head.anchors, np.float32)
    around = _anchor_boxes(anchors, rows, columns)
    lost = 0
    for picture, boxes in enumerate(scenes):
        if not len(boxes):
            continue
        near = overlaps(around, boxes.corners)
        # What is too hard may be claimed anywhere on it.
        free = (near > _NEAR) | (boxes.ignored & _inside(around, boxes.corners))
        made.counted[picture][free.any(1).reshape(shape[1:])] = 0
        like = shape_overlaps(boxes.sizes, anchors)
        for index in np.argsort(boxes.sizes.prod(1), kind="stable"):
            if boxes.ignored[index]:
                continue
            across, down = boxes.centres[index] * (columns, rows)
            column, row = min(int(across), columns - 1), min(int(down), rows - 1)
            order = [
                a
                for a in np.argsort(-like[index], kind="stable")
                if not made.present[picture, row, column, a]
            ]
            if not order:
                lost += 1
                continue
            place = (picture, row, column, int(order[0]))
            made.places[place][:2] = across - column, down - row
            made.places[place][2:] = np.log(boxes.sizes[index] / anchors[order[0]])
            made.present[place] = 1
            made.labels[place] = boxes.labels[index]
            made.weights[place] = 2 - boxes.sizes[index].prod()
            # What else could stand for the object from here is not told that nothing is there.
            made.counted[picture, row, column][like[index] > _NEAR] = 0
    # An anchor that was taken counts, whatever else it is like.
    np.maximum(made.counted, made.present, out=made.counted)
    return made, lost


def _anchor_boxes(anchors: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return the boxes of all anchors in the middle of all places, of shape (rows · columns · anchors, 4)."""
    down, across = np.meshgrid(
        (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
    )
    middles = np.stack([across, down], -1)[:, :, np.newaxis]
    boxes: np.ndarray = np.concatenate([middles - anchors / 2, middles + anchors / 2], -1).astype(np.float32)
    return boxes.reshape(-1, 4)


def _inside(around: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return which boxes have their middle in which others."""
    middles = ((around[:, :2] + around[:, 2:]) / 2)[:, np.newaxis]
    inside: np.ndarray = ((middles >= corners[:, :2]) & (middles <= corners[:, 2:])).all(2)
    return inside
