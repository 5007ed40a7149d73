"""Visual Wake Words: is there a person in the picture?  From the annotations of COCO."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.files import opened
from tvm_patch.nas.data.folders import FilePictures
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.data.sets import Chosen
from tvm_patch.nas.data.split import split
from tvm_patch.nas.data.text import text_of

LEAST_AREA = 0.005
"""Of the picture, what a box must be larger than to count."""
_VALIDATION = 0.1
_LIST = re.compile(r"instances_(train|val)(\d*)\.json")


@dataclass(frozen=True)
class _Part:
    files: list[str]
    labels: list[int]


def coco_lists(folder: Path) -> dict[str, Path]:
    """Return the lists of annotations by ``train`` and ``val``; the last year of each."""
    found = {}
    for path in sorted((folder / "annotations").glob("instances_*.json")):
        match = _LIST.fullmatch(path.name)
        if match:
            found[match[1]] = path
    return found


def visual_wake_words(
    source: Path | str, *, seed: int = 0, colors: int = 3, thing: str = "person", least: float = LEAST_AREA
) -> Task:
    """Return the task of telling pictures with a person from those without, of COCO's pictures.

    ``annotations/instances_{train,val}YEAR.json`` beside ``trainYEAR`` and ``valYEAR``.  What COCO calls val is
    reported, what is chosen by is taken from train.

    Parameters
    ----------
    source : path
        A folder, or a zip file of one.
    seed : int
        Of what is taken from train.
    colors : int
        1 or 3.
    thing : str
        A category of COCO.
    least : float
        Of the picture, the part that a box must be larger than; a picture with smaller ones only has none.

    Raises
    ------
    InputError
        When annotations or pictures are missing or broken; names the first and counts the others.
    """
    folder = opened(Path(source))
    lists = coco_lists(folder)
    for part in ("train", "val"):
        if part not in lists:
            raise InputError(
                f"{folder / 'annotations'} has no instances_{part}*.json; unpack COCO's annotations there"
            )
    train, test = (_read(lists[part], folder, thing, least) for part in ("train", "val"))
    classes = (f"no {thing}", thing)
    whole = FilePictures(classes, train.files + test.files, train.labels + test.labels, colors)
    kept, out = split(np.array(train.labels, int), _VALIDATION, seed)
    ends = np.arange(len(train.files), len(whole))
    with_one = int(whole.labels.sum())
    notes = (
        f"{with_one} of {len(whole)} pictures of COCO in {folder} have a {thing} larger than {least:.1%} of it",
        f"{len(out)} of {len(train.files)} pictures taken for validation by seed {seed}",
    )
    return Task(
        Path(source).stem, classes, Chosen(whole, kept), Chosen(whole, out), Chosen(whole, ends), notes
    )


def _read(path: Path, folder: Path, thing: str, least: float) -> _Part:
    try:
        said: Any = json.loads(text_of(path))
        category = next((c["id"] for c in said["categories"] if c["name"] == thing), None)
        if category is None:
            raise InputError(f"{path} has no category {thing}")
        areas = {image["id"]: image["width"] * image["height"] for image in said["images"]}
        seen = set()
        for annotation in said["annotations"]:
            _, _, width, height = annotation["bbox"]
            if annotation["category_id"] == category:
                area = areas[annotation["image_id"]]
                if width * height > least * area:
                    seen.add(annotation["image_id"])
        images = sorted(said["images"], key=lambda image: image["file_name"])
        pictures = folder / path.stem.removeprefix("instances_")
        files = [str(pictures / image["file_name"]) for image in images]
        return _Part(files, [int(image["id"] in seen) for image in images])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} has no annotations as COCO's ({type(error).__name__}: {error})") from error
