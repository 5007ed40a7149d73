"""The artifact: a Model Library Format folder, in memory, on disk and as a .tar."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tvm_patch.artifact_files import METADATA, read_artifact_files, read_metadata
from tvm_patch.artifact_metadata import Metadata
from tvm_patch.errors import UserError
from tvm_patch.files import check_folder, check_replaceable, real_path


@dataclass(frozen=True)
class ArtifactFiles:
    """Contents of an artifact folder.

    Attributes
    ----------
    metadata : Metadata
        What ``metadata.json`` says.
    others : mapping of str to bytes
        The other files, by path relative to the folder.
    """

    metadata: Metadata
    others: Mapping[str, bytes]

    @property
    def files(self) -> dict[str, bytes]:
        """All files, ``metadata.json`` included, by path relative to the folder."""
        return {METADATA: self.metadata.to_json(), **self.others}

    def tar(self) -> bytes:
        """Return the folder as a .tar, the same bytes every time."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path, data in sorted(self.files.items()):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), 0o644
                archive.addfile(entry, io.BytesIO(data))
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
    archive = _archive_of(folder)
    if archive.is_dir():
        raise UserError(f"{archive} is a folder, where the archive goes; choose another output folder")
    check_replaceable(archive)
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
    given = Path(folder)
    check_writable(given)
    # Through links: what they lead to is replaced, not they.
    folder, archive_at = real_path(given), real_path(_archive_of(given))
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    except OSError as error:
        raise UserError(f"cannot write to {given}: {error.strerror}") from error
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
            os.replace(archive, archive_at)
        except OSError:
            if folder.exists():
                os.rename(folder, new)
            if old.exists():
                os.rename(old, folder)
            raise
    except OSError as error:
        raise UserError(f"cannot write to {given}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return given


def _archive_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".tar")


def read_files(folder: Path) -> ArtifactFiles:
    """Read an artifact from a folder or a .tar.

    Raises
    ------
    UserError
        When it is not an artifact, is damaged, or was written by another version of the format.
    """
    folder = Path(folder)
    files = read_artifact_files(folder)
    return ArtifactFiles(read_metadata(folder, files.pop(METADATA), files), files)
