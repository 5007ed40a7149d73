"""WIDER FACE: faces in pictures, with its text files of boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.annotated import Annotated, detection_task
from tvm_patch.nas.data.files import opened
from tvm_patch.nas.data.text import lines_of
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.detection.sets import Fit

LISTS = "wider_face_split"
_PARTS = {"train": "train", "validation": "val"}
_INVALID = 7
"""Which number of a face says that it is not to be counted."""


def wider_face(source: Path | str, *, seed: int = 0, colors: int = 3, fit: Fit = "stretch") -> DetectionTask:
    """Return the detection of faces in WIDER FACE.

    ``WIDER_train/images/*/*.jpg``, ``WIDER_val/images/*/*.jpg`` and ``wider_face_split/wider_face_*_bbx_gt.txt``.  The
    boxes of its test are not published: what it calls validation is reported, what is chosen by is taken from train.

    Parameters
    ----------
    source : path
        A folder, or a zip file of one.
    seed : int
        Of what is taken from train.
    colors : int
        1 or 3.
    fit : {"stretch", "letterbox"}

    Raises
    ------
    InputError
        When lists or pictures are missing or broken; names the first and counts the others.
    """
    folder = opened(Path(source))
    parts = {}
    for part, name in _PARTS.items():
        path = folder / LISTS / f"wider_face_{name}_bbx_gt.txt"
        pictures = folder / f"WIDER_{name}" / "images"
        if part == "train" or path.is_file():
            parts[part] = _read(path, pictures)
    faces = sum(len(a.labels) for part in parts.values() for a in part)
    count = sum(len(part) for part in parts.values())
    notes = [f"{count} pictures with {faces} faces of WIDER FACE in {folder}"]
    return detection_task(Path(source).stem, ("face",), parts, seed, colors, fit, notes)


def _read(path: Path, pictures: Path) -> list[Annotated]:
    """Return the pictures that a list names: a line with the name, one with the count, one for each face."""
    lines = lines_of(path)
    found, at = [], 0
    try:
        while at < len(lines):
            name, count = lines[at], int(lines[at + 1])
            # A picture without faces has a line of zeros all the same.
            empty = count == 0 and at + 2 < len(lines) and not lines[at + 2].replace("0", "").strip()
            taken = 1 if empty else count
            if count < 0 or at + 2 + taken > len(lines):
                raise ValueError(f"{count} faces")
            rows = [[int(number) for number in line.split()] for line in lines[at + 2 : at + 2 + taken]]
            faces = np.array(rows[:count], float).reshape(count, -1 if count else 4)
            if count and faces.shape[1] <= _INVALID:
                raise ValueError(f"{faces.shape[1]} numbers for a face")
            at += 2 + taken
            corners = np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], 1) if count else faces
            ignored = faces[:, _INVALID] != 0 if count else np.zeros(0, bool)
            found.append(
                Annotated(str(pictures / name), str(path), None, corners, np.zeros(count, np.int32), ignored)
            )
    except (ValueError, IndexError) as error:
        place = lines[at] if at < len(lines) else "its end"
        raise InputError(f"{path} is no list of faces that can be read, at {place} ({error})") from error
    return found
