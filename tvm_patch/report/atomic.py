"""Write files so that an interrupted run leaves the old content, never half."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tvm_patch.errors import UserError
from tvm_patch.files import check_folder


def check_can_write(path: Path) -> None:
    """Raise UserError when a file cannot be written at `path`: checked before long work, not after it."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; make it first or write elsewhere")
    check_folder(folder)


def write_bytes(path: Path, data: bytes) -> Path:
    """Write `data` to `path`, replacing what is there in one step.

    Raises
    ------
    UserError
        When the folder does not exist or cannot be written.
    """
    check_can_write(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return path


def write_text(path: Path, text: str) -> Path:
    """Write `text` as UTF-8; see :func:`write_bytes`."""
    return write_bytes(path, text.encode())


def _umask() -> int:
    """Return the process's umask; mkstemp ignores it, a report should not."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
