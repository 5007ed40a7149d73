"""Reading artifacts, folders or archives: regular files inside them and nothing else."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from tvm_patch.artifact_metadata import FORMAT_VERSION, Metadata, explain
from tvm_patch.errors import UserError

METADATA = "metadata.json"

_AGAIN = "compile the model again"


def read_artifact_files(source: Path) -> dict[str, bytes]:
    """Return the files of an artifact by their path in it.

    Parameters
    ----------
    source : Path
        A folder or a .tar that ``tvm-patch compile`` wrote.

    Raises
    ------
    UserError
        It cannot be read, is none, or has a link, a device or a path that leads out of it.
    """
    try:
        if source.is_dir():
            # Another folder may hold anything, of any size.
            files = _read_folder(source) if (source / METADATA).is_file() else {}
        elif source.exists():
            files = _read_tar(source)
        else:
            raise UserError(f"{source} does not exist; give the folder or .tar of an artifact")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"cannot read {source}: {reason}; {_AGAIN}") from error
    if METADATA not in files:
        raise UserError(
            f"{source} is not an artifact: it has no {METADATA}; make one with `tvm-patch compile`"
        )
    return files


def _read_folder(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for place, folders, names in os.walk(folder):
        for name in sorted((*folders, *names)):
            path = Path(place) / name
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
            elif not stat.S_ISDIR(mode):
                raise _stranger(folder, path.relative_to(folder).as_posix(), stat.S_ISLNK(mode))
    return dict(sorted(files.items()))


def _read_tar(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        # Ours are not compressed; a compressed one could grow without end.
        with tarfile.open(path, "r:") as archive:
            for entry in archive:
                place = PurePosixPath(entry.name)
                if place.is_absolute() or ".." in place.parts or not (entry.isreg() or entry.isdir()):
                    raise _stranger(path, entry.name, entry.issym() or entry.islnk())
                stream = archive.extractfile(entry)
                if stream is not None:
                    files[str(place)] = stream.read()
            _check_end(archive)
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"{path} is not an artifact: not a readable .tar: {error}; {_AGAIN}") from error
    return files


def _check_end(archive: tarfile.TarFile) -> None:
    """Refuse an archive that was cut between two members, which tarfile reads like a whole one.

    POSIX (pax, "ustar Interchange Format"): two blocks of zeros end an archive.
    """
    assert archive.fileobj is not None
    # tarfile has read the first of them to see that no member follows.
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("its end is missing")


def _stranger(source: Path, name: str, link: bool) -> UserError:
    what = "is a link" if link else "leaves the artifact or is no file"
    return UserError(
        f"{source} has the member {name!r}, which {what}; use only artifacts as `tvm-patch compile` wrote them"
    )


def read_metadata(source: Path, data: bytes, paths: Collection[str]) -> Metadata:
    """Return what a ``metadata.json`` says.

    Parameters
    ----------
    source : Path
        The artifact, for messages.
    data : bytes
        What the file holds.
    paths : collection of str
        The artifact's files, relative to it.

    Raises
    ------
    UserError
        It is damaged, of another version of the format, or names files that are not there.
    """
    try:
        version = _format_version(data)
        if version != FORMAT_VERSION:
            raise UserError(
                f"{source} has format version {version!r}, this tvm-patch reads {FORMAT_VERSION}; {_AGAIN}"
            )
        metadata = Metadata.model_validate_json(data)
        present = {*paths, *(str(p) for path in paths for p in PurePosixPath(path).parents)}
        for kind, named in (("source", metadata.sources), ("folder of headers", metadata.include_dirs)):
            missing = [path for path in named if path not in present]
            if missing:
                raise ValueError(f"the artifact lacks its {kind} {missing[0]!r}")
    except (ValueError, RecursionError) as error:
        what = explain(error) if isinstance(error, ValidationError) else str(error)
        what = "nested too deep" if isinstance(error, RecursionError) else what
        raise UserError(f"{source}/{METADATA} is damaged: {what}; {_AGAIN}") from error
    return metadata


def _format_version(data: bytes) -> object:
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    if "format_version" not in document:
        raise ValueError("no 'format_version'")
    return document["format_version"]
