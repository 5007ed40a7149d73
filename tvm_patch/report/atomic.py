"""Write files and folders so that an interrupted run leaves the old content or none, never half."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tvm_patch.errors import UserError


def check_can_write(path: Path) -> None:
    """Raise UserError when a file cannot be written at `path`: checked before long work, not after it."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; make it first or write elsewhere")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{folder} is not writable; write elsewhere")


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


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it becomes `path` when the block ends without an error.

    What was at `path` is replaced as a whole.
    """
    parent = path.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=parent))
    try:
        made = staging / "new"
        made.mkdir()
        yield made
        if path.exists():
            os.rename(path, staging / "old")
        os.rename(made, path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _umask() -> int:
    """Return the process's umask; mkstemp ignores it, a report should not."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
