"""Anchors: the sizes of boxes that a detector starts from, found among those of its data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.detection.boxes import Boxes, shape_overlaps

Anchors = tuple[tuple[float, float], ...]
"""Width and height of each, in parts of the picture."""
_ROUNDS = 300


def find_anchors(scenes: Sequence[Boxes], count: int, seed: int = 0) -> Anchors:
    """Return sizes that overlap well with those of all boxes, the smallest first.

    k-means with one minus the overlap as distance (YOLOv2, section 2), from a seeded start far apart.

    Parameters
    ----------
    scenes : sequence of Boxes
    count : int
    seed : int

    Raises
    ------
    InputError
        When there are fewer different boxes.
    """
    sizes = _sizes(scenes)
    if count < 1 or len(np.unique(sizes, axis=0)) < count:
        raise InputError(
            f"{count} anchors from {len(np.unique(sizes, axis=0))} different sizes of boxes; ask for fewer"
        )
    means = _start(sizes, count, np.random.default_rng([seed, 7]))
    nearest = np.full(len(sizes), -1)
    for _ in range(_ROUNDS):
        again = shape_overlaps(sizes, means).argmax(1)
        if np.array_equal(again, nearest):
            break
        nearest = again
        means = np.stack(
            [
                np.median(sizes[nearest == i], axis=0) if (nearest == i).any() else means[i]
                for i in range(count)
            ]
        )
    ordered = means[np.argsort(means.prod(1), kind="stable")]
    return tuple((float(width), float(height)) for width, height in ordered)


def mean_overlap(scenes: Sequence[Boxes], anchors: Anchors) -> float:
    """Return the overlap of boxes with the best anchor of each, in the mean."""
    return float(shape_overlaps(_sizes(scenes), np.array(anchors)).max(1).mean())


def _sizes(scenes: Sequence[Boxes]) -> np.ndarray:
    return np.concatenate([np.empty((0, 2)), *(boxes.sizes.astype(float) for boxes in scenes)])


def _start(sizes: np.ndarray, count: int, chance: np.random.Generator) -> np.ndarray:
    """Return sizes that are far from each other (k-means++)."""
    chosen = [sizes[chance.integers(len(sizes))]]
    while len(chosen) < count:
        away = (1 - shape_overlaps(sizes, np.stack(chosen)).max(1)).clip(0) ** 2
        chosen.append(sizes[chance.choice(len(sizes), p=away / away.sum())])
    return np.stack(chosen)
