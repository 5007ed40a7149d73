"""Folders with a folder for each class, whole or already split: who is in which part."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tvm_patch.errors import InputError
from tvm_patch.nas.data.files import PARTS, files_under, folders_in
from tvm_patch.nas.data.split import split
from tvm_patch.nas.data.text import lines_of

VALIDATION, TEST = 0.1, 0.2
"""Of the pictures that may be trained on, what is kept to choose by; of all, what is kept to report."""


@dataclass(frozen=True)
class ByClass:
    """Files with a class each, in three parts.

    Attributes
    ----------
    classes : tuple of str
    files : tuple of str
    labels : array of int
    train, validation, test : array of int
        Indices of files.
    notes : tuple of str
    """

    classes: tuple[str, ...]
    files: tuple[str, ...]
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    notes: tuple[str, ...]


def parts_of(folder: Path) -> dict[str, Path]:
    """Return the folders of a set's parts that there are, by ``train``, ``validation`` and ``test``."""
    found: dict[str, Path] = {}
    for below in folders_in(folder):
        for part, names in PARTS.items():
            if below.name.lower() in names:
                if part in found:
                    raise InputError(
                        f"{folder} has {found[part].name} and {below.name} for one part; keep one"
                    )
                found[part] = below
    return {part: found[part] for part in PARTS if part in found}


def read_by_class(
    folder: Path,
    endings: Sequence[str],
    seed: int,
    what: str,
    left_out: Sequence[str] = (),
    group: Callable[[str], Hashable] | None = None,
    lists: Mapping[str, str] | None = None,
) -> ByClass:
    """Return the files of a folder by class.

    Folders for parts count where there are any: with ``train`` and one other, that one is the test, as of ImageNet, and
    the validation is taken from train; with no parts, both are taken.

    Parameters
    ----------
    folder : Path
    endings : sequence of str
        Of the names that count.
    seed : int
        Of what is taken.
    what : str
        What the files are, in the plural.
    left_out : sequence of str
        Names of folders that are no classes.
    group : callable, optional
        Tells from a file what it must not be parted from.
    lists : mapping, optional
        By part, the name of a file that lists what belongs to it, as ``CLASS/FILE``, where no folders do.

    Raises
    ------
    InputError
        When there are no classes, or one of them is empty.
    """
    folders = parts_of(folder)
    if folders and "train" not in folders:
        names = ", ".join(place.name for place in folders.values())
        raise InputError(f"{folder} has {names} but no train; add it, or give a folder of classes")
    sources = folders or {"train": folder}
    files: list[str] = []
    labels: list[int] = []
    others: list[str] = []
    ends = {}
    classes = _classes(sources["train"], left_out, what)
    for part, source in sources.items():
        start = len(files)
        unknown = [
            name for name in _names(source, left_out) if name not in classes and not _empty(source / name)
        ]
        if unknown:
            raise InputError(f"{source / unknown[0]} is a class of {part} that train does not have")
        for label, name in enumerate(classes):
            wanted, rest = files_under(source / name, endings)
            others += rest
            if not wanted and part == "train":
                raise InputError(
                    f"{source / name} has no {what} (names that end with {', '.join(endings)}); fill or remove it"
                )
            files += wanted
            labels += [label] * len(wanted)
        ends[part] = np.arange(start, len(files))
        if start == len(files):
            raise InputError(f"{source} has no {what} in its folders of classes")
    notes = [f"{len(files)} {what} of {len(classes)} classes in {folder}"]
    if others:
        notes.append(
            f"{len(others)} files that are no {what} by their names were left out, first {others[0]}"
        )
    known = np.array(labels, np.int32)
    groups = None if group is None else [group(file) for file in files]

    def taken(part: str, fraction: float, start: np.ndarray) -> np.ndarray:
        kept, out = split(known[start], fraction, seed, groups and [groups[i] for i in start])
        if not len(out):
            raise InputError(f"{folder} has too few {what} to take some for {part}")
        notes.append(f"{len(out)} of {len(start)} {what} taken for {part} by seed {seed}")
        ends[part] = start[out]
        rest: np.ndarray = start[kept]
        return rest

    if not folders:
        ends |= _listed(folder, files, lists or {})
    train = ends["train"]
    if "test" not in ends and "validation" in ends:
        notes.append(f"{sources['validation'].name} is what is reported, since there is no test")
        ends["test"] = ends.pop("validation")
    if "test" not in ends:
        train = taken("test", TEST, train)
    if "validation" not in ends:
        train = taken("validation", VALIDATION, train)
    for part in ("validation", "test"):
        missing = sorted(set(range(len(classes))) - set(known[ends[part]].tolist()))
        if missing:
            names = ", ".join(classes[i] for i in missing[:5])
            notes.append(f"{part} has no {what} of {len(missing)} classes: {names}")
    return ByClass(classes, tuple(files), known, train, ends["validation"], ends["test"], tuple(notes))


def _listed(folder: Path, files: Sequence[str], lists: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Return the indices of the files that lists name, by part, and those of the others as ``train``."""
    index = {os.path.relpath(file, folder).replace(os.sep, "/"): i for i, file in enumerate(files)}
    found: dict[str, np.ndarray] = {}
    left = np.ones(len(files), bool)
    for part, name in lists.items():
        path = folder / name
        if not path.is_file():
            continue
        named = [line for line in lines_of(path) if not line.startswith("_")]
        missing = [line for line in named if line not in index]
        if missing:
            raise InputError(
                f"{path} lists {missing[0]}, which is not there; so are {len(missing)} of {len(named)}"
            )
        found[part] = np.array(sorted({index[line] for line in named}), int)
        left[found[part]] = False
    return {"train": np.nonzero(left)[0], **found}


def _names(folder: Path, left_out: Sequence[str]) -> list[str]:
    return [below.name for below in folders_in(folder) if below.name not in left_out]


def _empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def _classes(folder: Path, left_out: Sequence[str], what: str) -> tuple[str, ...]:
    names = _names(folder, left_out)
    if len(names) < 2:
        raise InputError(
            f"{folder} has {len(names)} folders of classes; {what} of two classes at least are needed, a folder each"
        )
    return tuple(names)
