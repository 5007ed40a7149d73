"""The artifact: a Model Library Format folder, in memory, on disk and as a .tar."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tvm_patch.codegen.check_metadata import check_metadata
from tvm_patch.errors import UserError
from tvm_patch.files import check_folder

FORMAT_VERSION = 1
"""Version of the folder's layout and of ``metadata.json``."""

METADATA = "metadata.json"


@dataclass(frozen=True)
class ArtifactFiles:
    """Contents of an artifact folder.

    Attributes
    ----------
    files : mapping of str to bytes
        By path relative to the folder, ``metadata.json`` included.
    """

    files: Mapping[str, bytes]

    @property
    def metadata(self) -> dict[str, Any]:
        """The parsed ``metadata.json``."""
        return dict(json.loads(self.files[METADATA]))

    def tar(self) -> bytes:
        """Return the folder as a .tar, the same bytes every time."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(self.files):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(self.files[path]), 0o644
                archive.addfile(entry, io.BytesIO(self.files[path]))
        return buffer.getvalue()


def is_artifact(folder: Path) -> bool:
    """Tell whether `folder` holds an artifact."""
    return (folder / METADATA).is_file() and (folder / "codegen").is_dir()


def check_writable(folder: Path) -> None:
    """Raise UserError when an artifact cannot be written to `folder`."""
    if folder.exists():
        if not folder.is_dir():
            raise UserError(f"{folder} is a file; give a folder for the artifact")
        if any(folder.iterdir()) and not is_artifact(folder):
            raise UserError(f"{folder} holds something else than an artifact; give an empty or new folder")
    archive = folder.with_name(folder.name + ".tar")
    if archive.is_dir():
        raise UserError(f"{archive} is a folder, where the archive goes; choose another output folder")
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise UserError(f"{parent} is a file; choose another output folder")
    check_folder(parent)


def write_files(contents: ArtifactFiles, folder: Path) -> Path:
    """Write an artifact to `folder`, and ``<folder>.tar`` beside it.

    Everything is written next to its destination first and then renamed: an interrupted run leaves the old artifact
    or none.

    Raises
    ------
    UserError
        When the folder cannot be written or holds something else.
    """
    folder = Path(folder)
    check_writable(folder)
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        new, old = staging / "new", staging / "old"
        for path, data in contents.files.items():
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        archive = staging / "archive.tar"
        archive.write_bytes(contents.tar())
        if folder.exists():
            os.rename(folder, old)
        try:
            os.rename(new, folder)
            os.replace(archive, folder.with_name(folder.name + ".tar"))
        except OSError:
            if folder.exists():
                os.rename(folder, new)
            if old.exists():
                os.rename(old, folder)
            raise
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return folder


def read_files(folder: Path) -> ArtifactFiles:
    """Read an artifact from a folder or a .tar.

    Raises
    ------
    UserError
        When it is not an artifact, is damaged, or was written by another version of the format.
    """
    folder = Path(folder)
    files: dict[str, bytes] = {}
    try:
        if folder.is_dir() and is_artifact(folder):
            paths = sorted(p for p in folder.rglob("*") if p.is_file())
            files = {str(p.relative_to(folder)): p.read_bytes() for p in paths}
        elif folder.is_file():
            files = _read_tar(folder)
    except OSError as error:
        raise UserError(
            f"cannot read {folder}: {error.strerror or error}; compile the model again"
        ) from error
    if METADATA not in files:
        raise UserError(
            f"{folder} is not an artifact: it has no {METADATA}; make one with `tvm-patch compile`"
        )
    try:
        document = json.loads(files[METADATA])
        version = document["format_version"]
        if version == FORMAT_VERSION:
            check_metadata(document, files)
    except (ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{folder}/{METADATA} is damaged: {what}; compile the model again") from error
    if version != FORMAT_VERSION:
        raise UserError(
            f"{folder} has format version {version!r}, this tvm-patch reads {FORMAT_VERSION}; compile the model again"
        )
    return ArtifactFiles(files)


def _read_tar(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        # Ours are not compressed; a compressed one could grow without end.
        with tarfile.open(path, "r:") as archive:
            for entry in archive:
                place = PurePosixPath(entry.name)
                if place.is_absolute() or ".." in place.parts or not (entry.isreg() or entry.isdir()):
                    raise UserError(
                        f"{path} has the member {entry.name!r}, which leaves the artifact or is no file; "
                        "use only archives that `tvm-patch compile` wrote"
                    )
                stream = archive.extractfile(entry)
                if stream is not None:
                    files[str(place)] = stream.read()
    except tarfile.TarError as error:
        raise UserError(f"{path} is not a readable .tar: {error}; compile the model again") from error
    return files
