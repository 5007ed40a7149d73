"""Where training stands, as one file that is written whole or not at all."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tvm_patch.errors import UserError
from tvm_patch.files import write_bytes

VERSION = 1
"""Of the format; a file of another version is refused."""
_META = "meta.json"


def save_checkpoint(path: Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Write arrays by name, and what they are.

    Parameters
    ----------
    path : Path
        Replaced in one step.
    arrays : mapping of str to ndarray
    meta : mapping
        What JSON can hold.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    text = json.dumps({"version": VERSION, **meta}, sort_keys=True)
    buffer = io.BytesIO()
    everything: dict[str, Any] = {_META: np.frombuffer(text.encode(), np.uint8), **arrays}
    np.savez(buffer, **everything)
    write_bytes(path, buffer.getvalue())


def load_checkpoint(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what :func:`save_checkpoint` wrote.

    Raises
    ------
    UserError
        When the file is no checkpoint of this version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop(_META).tobytes())
    except OSError as error:
        raise UserError(f"cannot read the checkpoint {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no checkpoint, or was cut off; delete it to start anew") from error
    if not isinstance(meta, dict) or meta.get("version") != VERSION:
        version = meta.get("version") if isinstance(meta, dict) else None
        raise UserError(
            f"{path} is of version {version!r}; this tvm-patch reads version {VERSION}; delete it to start anew"
        )
    return arrays, meta


def check_same(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise UserError where a checkpoint is of something else; names the first field that differs."""
    for field, value in wanted.items():
        if found.get(field) != value:
            raise UserError(
                f"{path} is a checkpoint of another {field}; give another folder, or delete it to start anew"
            )
