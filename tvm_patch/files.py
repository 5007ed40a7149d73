"""Writing files: a regular one whole or not at all; into what is none, such as a pipe; through links."""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from pathlib import Path

from tvm_patch.errors import UserError

_DESCRIPTOR = re.compile(
    r"/(?:dev/fd|proc/(?P<process>self|thread-self|\d+)(?:/task/\d+)?/fd)/(?P<number>\d+)"
)
_MOST_LINKS = 40


def check_folder(folder: Path) -> None:
    """Raise UserError when no file can be made in a folder that exists."""
    try:
        # Permission bits say little of read-only mounts, quotas and root; a file that appears and goes says all.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{folder} is not writable ({error.strerror}); write elsewhere") from error


def check_can_write(path: Path) -> None:
    """Raise UserError when a file cannot be written at `path`: checked before long work, not after it."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file")
    if _written_into(path):
        if not os.access(path, os.W_OK):
            raise UserError(f"{path} is not writable; write elsewhere")
        return
    folder = real_path(path).parent
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; make it first or write elsewhere")
    check_folder(folder)


def real_path(path: Path) -> Path:
    """Return where a path leads through links, so that what is replaced is the file and not the link."""
    return Path(os.path.realpath(path))


def write_bytes(path: Path, data: bytes) -> Path:
    """Write `data` to `path`.

    A regular file, or none, is replaced in one step: who reads it finds the old content or the new.  What is no regular
    file (a pipe, a device, a descriptor such as ``/dev/stdout``) is written into, and stays what it is.

    Raises
    ------
    UserError
        When the folder does not exist or cannot be written.
    BrokenPipeError
        When nobody reads a pipe any more.
    """
    check_can_write(path)
    try:
        if _written_into(path):
            _write_into(path, data)
        else:
            _replace(real_path(path), data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return path


def write_text(path: Path, text: str) -> Path:
    """Write `text` as UTF-8; see :func:`write_bytes`."""
    return write_bytes(path, text.encode())


def check_replaceable(path: Path) -> None:
    """Raise UserError unless `path` leads to a regular file or to nothing."""
    if _written_into(path):
        raise UserError(f"{path} is not a regular file, and is not replaced; choose another name")


def _written_into(path: Path) -> bool:
    """Tell whether `path` is something to write into: it exists and is no regular file, or names a descriptor."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) or _descriptor(path) is not None


def _descriptor(path: Path) -> re.Match[str] | None:
    """Return the descriptor that a path names, directly or through links such as ``/dev/stdout``."""
    at = os.path.abspath(path)
    for _ in range(_MOST_LINKS):
        found = _DESCRIPTOR.fullmatch(at)
        if found is not None or not os.path.islink(at):
            return found
        at = os.path.normpath(os.path.join(os.path.dirname(at), os.readlink(at)))
    return None


def _write_into(path: Path, data: bytes) -> None:
    descriptor = _descriptor(path)
    own = descriptor is not None and descriptor["process"] in (None, "self", "thread-self", str(os.getpid()))
    if descriptor is not None and own:
        # Our own: opened again, a file behind it would be written from its start, over what is there.
        if sys.stdout is not None:
            sys.stdout.flush()
        handle = os.dup(int(descriptor["number"]))
    else:
        handle = os.open(path, os.O_WRONLY | (os.O_APPEND if descriptor is not None else 0))
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(name, path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the process's umask; mkstemp ignores it, a report should not."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
