"""Detection sets as Pascal VOC's: an XML file for each picture, lists of names for the parts."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.annotated import Annotated, detection_task
from tvm_patch.nas.data.decode import ENDINGS
from tvm_patch.nas.data.files import folders_in, opened
from tvm_patch.nas.data.text import lines_of, refuse, text_of
from tvm_patch.nas.detection.scenes import DetectionTask
from tvm_patch.nas.detection.sets import Fit

_LISTS = {"train": ("trainval", "train"), "validation": ("val",), "test": ("test",)}
"""The lists of a part; the first that there is counts."""
_Object = tuple[str, tuple[float, float, float, float], bool]


def voc_folders(folder: Path) -> list[Path]:
    """Return the folders that are laid out as Pascal VOC: this one, or the years in it."""
    return [place for place in (folder, *folders_in(folder)) if _annotations(place) and _pictures(place)]


def voc(
    source: Path | str, *, seed: int = 0, colors: int = 3, fit: Fit = "stretch", classes: tuple[str, ...] = ()
) -> DetectionTask:
    """Return the detection task of a folder such as Pascal VOC's, or of several years of it.

    ``Annotations/*.xml``, ``JPEGImages/*``, ``ImageSets/Main/{trainval,train,val,test}.txt``; the folders may also be
    called ``annotations`` and ``images``, with the lists beside them.  Of several years every ``trainval`` is trained
    on and every ``test`` is tested.

    Parameters
    ----------
    source : path
        A folder, or a zip file of one.
    seed : int
        Of parts that have no list.
    colors : int
        1 or 3.
    fit : {"stretch", "letterbox"}
    classes : tuple of str
        Only these; by default all that there are, in the order of the alphabet.

    Raises
    ------
    InputError
        When annotations or pictures are missing or broken; names the first and counts the others.
    """
    folder = opened(Path(source))
    places = voc_folders(folder)
    if not places:
        raise InputError(f"{folder} has no annotations and pictures as Pascal VOC's")
    names: dict[str, list[tuple[Path, str]]] = {}
    for place in places:
        for part, listed in _parts(place).items():
            names.setdefault(part, []).extend((place, name) for name in listed)
    read: dict[Path, tuple[tuple[int, int] | None, list[_Object]]] = {}
    bad: list[InputError] = []
    files: dict[Path, Path] = {}
    for place, name in (pair for listed in names.values() for pair in listed):
        path = _annotation(place, name)
        try:
            files[path] = _picture(place, name)
            read[path] = _read(path, first=path.parent.name == "Annotations")
        except InputError as error:
            bad.append(error)
    refuse("annotations", bad, sum(len(listed) for listed in names.values()))
    found = sorted({name for _, objects in read.values() for name, _, _ in objects})
    missing = sorted(set(classes) - set(found))
    if missing:
        raise InputError(f"{folder} has no objects of class {missing[0]}; there are {', '.join(found)}")
    known = classes or tuple(found)
    parts = {
        part: [
            _annotated(path := _annotation(place, name), files[path], *read[path], known)
            for place, name in listed
        ]
        for part, listed in names.items()
    }
    count = sum(len(objects) for _, objects in read.values())
    notes = [f"{len(read)} pictures with {count} boxes of {len(found)} classes as Pascal VOC's in {folder}"]
    return detection_task(Path(source).stem, known, parts, seed, colors, fit, notes)


def _annotations(place: Path) -> Path | None:
    return next((place / n for n in ("Annotations", "annotations") if (place / n).is_dir()), None)


def _annotation(place: Path, name: str) -> Path:
    folder = _annotations(place)
    assert folder is not None
    return folder / f"{name}.xml"


def _pictures(place: Path) -> Path | None:
    return next((place / n for n in ("JPEGImages", "images", "Images") if (place / n).is_dir()), None)


def _parts(place: Path) -> dict[str, list[str]]:
    """Return the names of each part that has a list; all are train's where there are no lists."""
    main = place / "ImageSets" / "Main"
    lists = main if main.is_dir() else place
    found = {}
    for part, candidates in _LISTS.items():
        path = next((p for name in candidates if (p := lists / f"{name}.txt").is_file()), None)
        # Those of val stand in trainval too.
        if path is not None and not (part == "validation" and (lists / "trainval.txt").is_file()):
            found[part] = [line.split()[0] for line in lines_of(path)]
    folder = _annotations(place)
    assert folder is not None
    return found or {"train": sorted(path.stem for path in folder.glob("*.xml"))}


def _picture(place: Path, name: str) -> Path:
    folder = _pictures(place)
    assert folder is not None
    for ending in ENDINGS:
        for path in (folder / f"{name}{ending}", folder / f"{name}{ending.upper()}"):
            if path.is_file():
                return path
    raise InputError(f"{folder / name} has an annotation or stands in a list, but there is no picture of it")


def _read(path: Path, first: bool) -> tuple[tuple[int, int] | None, list[_Object]]:
    """Return rows and columns, where they are said, and the objects of an annotation.

    Pascal VOC itself counts pixels from 1 and means the last one too.
    """
    text = text_of(path)
    try:
        root = ElementTree.fromstring(text)
        objects: list[_Object] = []
        for entry in root.iter("object"):
            box = entry.find("bndbox")
            if box is None:
                raise ValueError("an object without bndbox")
            left, top, right, bottom = (
                float(_said(box.findtext(side), side)) for side in ("xmin", "ymin", "xmax", "ymax")
            )
            if not np.isfinite([left, top, right, bottom]).all():
                raise ValueError("a box that is not finite")
            shift = 1 if first else 0
            hard = (entry.findtext("difficult") or "0").strip() == "1"
            objects.append(
                (_said(entry.findtext("name"), "name"), (left - shift, top - shift, right, bottom), hard)
            )
        rows, columns = (int(root.findtext(f"size/{side}") or 0) for side in ("height", "width"))
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{path} is no annotation that can be read ({error})") from error
    return ((rows, columns) if rows > 0 and columns > 0 else None), objects


def _said(text: str | None, what: str) -> str:
    if text is None or not text.strip():
        raise ValueError(f"an object without {what}")
    return text.strip()


def _annotated(
    path: Path,
    file: Path,
    size: tuple[int, int] | None,
    objects: list[_Object],
    classes: tuple[str, ...],
) -> Annotated:
    kept = [(classes.index(name), box, hard) for name, box, hard in objects if name in classes]
    return Annotated(
        str(file),
        str(path),
        size,
        np.array([box for _, box, _ in kept], float).reshape(-1, 4),
        np.array([label for label, _, _ in kept], np.int32),
        np.array([hard for _, _, hard in kept], bool),
    )
