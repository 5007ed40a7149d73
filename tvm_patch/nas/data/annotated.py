"""Picture files with boxes in pixels, as annotations give them, made into scenes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.decode import upright_size
from tvm_patch.nas.data.samples import threads
from tvm_patch.nas.data.store import picture_store
from tvm_patch.nas.detection.boxes import Boxes
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.detection.sets import Fit, SceneSamples, split_scenes

VALIDATION, TEST = 0.1, 0.2
"""Of the pictures that may be trained on, what is kept to choose by; of all, what is kept to report."""


@dataclass(frozen=True)
class Annotated:
    """A picture and what is in it.

    Attributes
    ----------
    file : str
        The picture.
    source : str
        Where its annotation stands.
    size : tuple of int or None
        Rows and columns that the annotation speaks of, where it says.
    corners : array
        Left, top, right, bottom of the objects, in pixels.
    labels : array of int
    ignored : array of bool
    """

    file: str
    source: str
    size: tuple[int, int] | None
    corners: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray


def detection_task(
    name: str,
    classes: tuple[str, ...],
    parts: dict[str, list[Annotated]],
    seed: int,
    colors: int,
    fit: Fit,
    notes: Sequence[str],
) -> DetectionTask:
    """Return the task that annotated pictures are; parts that are missing are taken from train.

    Parameters
    ----------
    name : str
    classes : tuple of str
    parts : dict
        The pictures of ``train``, and of ``validation`` and ``test`` where they are known.
    seed : int
        Of what is taken.
    colors : int
        1 or 3.
    fit : {"stretch", "letterbox"}
    notes : sequence of str

    Raises
    ------
    InputError
        When there are no pictures, or one is broken; names the first and counts the others.
    """
    said = list(notes)
    whole = [a for part in parts.values() for a in part]
    if not parts.get("train"):
        raise InputError(f"{name} has no pictures to train on")
    scenes, lost = _scenes(whole, classes, colors, fit)
    if lost:
        said.append(f"{lost} boxes are empty or outside of their pictures and were left out")
    ends, start = {}, 0
    for part, annotated in parts.items():
        ends[part] = np.arange(start, start + len(annotated))
        start += len(annotated)
    if "test" not in ends and "validation" in ends:
        said.append("validation is what is reported, since there is no test")
        ends["test"] = ends.pop("validation")
    for part, fraction in (("test", TEST), ("validation", VALIDATION)):
        if part not in ends:
            train = ends["train"]
            kept, out = split_scenes([scenes.boxes[i] for i in train], len(classes), fraction, seed)
            if not len(out):
                raise InputError(f"{name} has too few pictures to take some for {part}")
            said.append(f"{len(out)} of {len(train)} pictures taken for {part} by seed {seed}")
            ends["train"], ends[part] = train[kept], train[out]
    some = {part: scenes.some(ends[part]) for part in ("train", "validation", "test")}
    return DetectionTask(name, classes, notes=tuple(said), **some)


def _scenes(
    whole: Sequence[Annotated], classes: tuple[str, ...], colors: int, fit: Fit
) -> tuple[SceneSamples, int]:
    """Return the pictures with their boxes, and how many boxes were left out."""
    store = picture_store([a.file for a in whole], colors)
    store.check()
    with ThreadPoolExecutor(threads()) as pool:
        sizes = list(pool.map(upright_size, store.files, chunksize=64))
    boxes, lost = [], 0
    for annotated, size in zip(whole, sizes, strict=True):
        if annotated.size not in (None, size):
            raise InputError(
                f"{annotated.source} speaks of {annotated.size} rows and columns, and {annotated.file} has {size}; "
                "its boxes would be in the wrong place: mend the size, or turn the picture as its EXIF says"
            )
        rows, columns = size
        pixels = np.asarray(annotated.corners, float).reshape(-1, 2, 2)
        # As float32, which is what is kept: a box may be empty only then.
        corners = (pixels / [columns, rows]).reshape(-1, 4).clip(0, 1).astype(np.float32)
        good = (corners[:, 2:] > corners[:, :2]).all(1)
        lost += int((~good).sum())
        boxes.append(Boxes.of(corners[good], annotated.labels[good], annotated.ignored[good], len(classes)))
    return SceneSamples(classes, colors, store.get, sizes, boxes, fit), lost
