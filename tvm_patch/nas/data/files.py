"""Folders and archives: what lies in them, in an order that is the same everywhere."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tvm_patch.errors import InputError

PARTS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""What the folders of a set's parts are called."""
CACHE = "TVM_PATCH_CACHE"
"""The environment variable that names the folder where archives are unpacked."""


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder by name, without hidden ones and those that archives of macOS bring."""
    return sorted(
        entry for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith((".", "__"))
    )


def files_under(folder: Path, endings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the files in a folder and in those below it, by name.

    Parameters
    ----------
    folder : Path
    endings : sequence of str
        Of the names that are wanted, in lower case.

    Returns
    -------
    wanted, others : list of str
        Hidden ones are neither.
    """
    wanted: list[str] = []
    others: list[str] = []
    for place, below, names in os.walk(folder, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                kind = wanted if name.lower().endswith(tuple(endings)) else others
                kind.append(os.path.join(place, name))
    return wanted, others


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot read the folder {folder}: {error.strerror}") from error


def opened(source: Path) -> Path:
    """Return the folder that a source is: itself, or where its archive is unpacked; the one in it, if it has no more.

    Archives are unpacked once, below ``$TVM_PATCH_CACHE`` or ``~/.cache/tvm-patch``.

    Parameters
    ----------
    source : Path
        A folder or a zip file.

    Raises
    ------
    InputError
        When there is none, or the archive is broken.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder, a zip file, digits or digits-detection")
    folder = source if source.is_dir() else _unpacked(source)
    while len(entries := [e for e in _entries(folder) if not e.name.startswith((".", "__"))]) == 1:
        # A folder with one class is a set that is short of classes, not one more folder around a set.
        part = any(entries[0].name.lower() in names for names in PARTS.values())
        if part or not entries[0].is_dir() or not folders_in(entries[0]):
            break
        folder = entries[0]
    return folder


def _unpacked(archive: Path) -> Path:
    if not zipfile.is_zipfile(archive):
        raise InputError(f"{archive} is neither a folder nor a zip file; unpack it first")
    state = archive.stat()
    name = f"{archive.resolve()}\n{state.st_size}\n{state.st_mtime_ns}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    base = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "tvm-patch") / "data"
    folder = base / f"{archive.stem}-{digest}"
    if folder.is_dir():
        return folder
    temporary = None
    try:
        base.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{archive.stem}-", dir=base))
        with zipfile.ZipFile(archive) as packed:
            needed = sum(member.file_size for member in packed.infolist())
            free = shutil.disk_usage(base).free
            if needed > free:
                raise InputError(
                    f"{archive} needs {needed >> 20} MB unpacked, and {base} has {free >> 20} MB; set {CACHE}"
                )
            packed.extractall(temporary)
        # In one step, so that a folder that is there is whole; another process may have been first.
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{archive} is a broken zip file ({error}); fetch it again") from error
    except OSError as error:
        raise InputError(
            f"cannot unpack {archive} below {base}: {error.strerror or error}; set {CACHE} to another folder"
        ) from error
    finally:
        if temporary is not None and temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
    return folder
