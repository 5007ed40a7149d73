"""How well a detector detects: average precision, as COCO counts it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_patch.errors import InputError, ToolMissingError
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.head import Detections

_SCALE = 1000.0
"""Boxes are given to COCO's code in thousandths of the picture; which unit it is changes nothing."""


@dataclass(frozen=True)
class Score:
    """Average precision of a set of pictures; a class without objects has none (NaN) and does not count.

    Attributes
    ----------
    classes : tuple of str
    ap : tuple of float
        Of every class, in the mean over the overlaps 0.50, 0.55, ... 0.95.
    ap50 : tuple of float
        Of every class, where an overlap of 0.5 is enough.
    """

    classes: tuple[str, ...]
    ap: tuple[float, ...]
    ap50: tuple[float, ...]

    @property
    def mean_ap(self) -> float:
        """Over the classes, of :attr:`ap`."""
        return float(np.nanmean(self.ap))

    @property
    def mean_ap50(self) -> float:
        """Over the classes, of :attr:`ap50`."""
        return float(np.nanmean(self.ap50))


def score(found: Sequence[Detections], scenes: Sequence[Boxes], classes: tuple[str, ...]) -> Score:
    """Return the average precision of what was found.

    Parameters
    ----------
    found : sequence of Detections
        In each picture.
    scenes : sequence of Boxes
        What is in each.
    classes : tuple of str

    Raises
    ------
    InputError
        When there is nothing to be found.
    ToolMissingError
        pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise ToolMissingError(
            "average precision needs pycocotools; install it with: pip install 'tvm-patch[nas]'"
        ) from error
    if len(found) != len(scenes):
        raise InputError(f"detections in {len(found)} pictures, and {len(scenes)} pictures")
    if not any((~boxes.ignored).any() for boxes in scenes):
        raise InputError("there are no objects to be found in these pictures")
    if not any(len(detections) for detections in found):
        there = (
            np.bincount(np.concatenate([b.labels[~b.ignored] for b in scenes]), minlength=len(classes)) > 0
        )
        nothing = tuple(0.0 if some else float("nan") for some in there)
        return Score(classes, nothing, nothing)
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": number} for number in range(len(scenes))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes)],
        "annotations": [
            # Its numbers begin with 1: 0 is taken for none.
            {**entry, "id": number, "iscrowd": int(ignored), "area": entry["bbox"][2] * entry["bbox"][3]}
            for number, (entry, ignored) in enumerate(_truths(scenes), 1)
        ],
    }
    results = [
        {**entry, "score": float(sure)}
        for number, detections in enumerate(found)
        for entry, sure in zip(
            _entries(number, detections.corners, detections.labels), detections.scores, strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    # Of overlaps, recalls, classes, sizes of objects (all come first), numbers of detections (the most come last).
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    return Score(
        classes,
        tuple(_mean(precision[:, :, number]) for number in range(len(classes))),
        tuple(_mean(precision[:1, :, number]) for number in range(len(classes))),
    )


def _truths(scenes: Sequence[Boxes]) -> list[tuple[dict[str, Any], bool]]:
    return [
        pair
        for number, boxes in enumerate(scenes)
        for pair in zip(_entries(number, boxes.corners, boxes.labels), boxes.ignored.tolist(), strict=True)
    ]


def _entries(picture: int, corners: np.ndarray, labels: np.ndarray) -> list[dict[str, Any]]:
    scaled = corners.astype(float) * _SCALE
    return [
        {"image_id": picture, "category_id": label, "bbox": [left, top, right - left, bottom - top]}
        for (left, top, right, bottom), label in zip(scaled.tolist(), labels.tolist(), strict=True)
    ]


def _mean(precision: np.ndarray) -> float:
    return float(precision.mean()) if (precision > -1).all() else float("nan")
