"""Names for a network's scores, and its outputs as files."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tvm_patch.errors import InputError, UserError

if TYPE_CHECKING:
    import numpy as np

    from tvm_patch.artifact_metadata import TensorEntry

_MOST_LABELS = 1 << 20
_NUMBERED = re.compile(r"^(\d+)\s*[:,\s]\s*(.+)$")


def read_labels(path: Path) -> list[str]:
    """Return one label a line of a text file; numbers before them, if all have them in order, are left out.

    Raises
    ------
    InputError
        It cannot be read, or is no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file of labels, one a line") from error
    return _labels(text)


def _labels(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    numbered = [_NUMBERED.match(line) for line in lines]
    if lines and all(m is not None and int(m[1]) == i for i, m in enumerate(numbered)):
        return [m[2] for m in numbered if m is not None]
    return lines


def labels_in(model: bytes) -> list[str]:
    """Return the labels that a .tflite carries: a text file in the zip archive that metadata puts behind the model.

    Nothing where there are none, or several such files.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            texts = [
                m for m in archive.infolist() if m.filename.endswith(".txt") and m.file_size <= _MOST_LABELS
            ]
            if len(texts) != 1:
                return []
            return _labels(archive.read(texts[0]).decode("utf-8-sig"))
    except (
        zipfile.BadZipFile,
        UnicodeDecodeError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        OSError,
    ):
        return []


def check_output_file(path: Path, outputs: int) -> None:
    """Raise UserError unless outputs can be written to a file of that name."""
    from tvm_patch.files import check_can_write

    if path.suffix not in (".npy", ".npz", ".json"):
        raise UserError(f"--output {path}: the name says the format; end it in .npy, .npz or .json")
    if path.suffix == ".npy" and outputs != 1:
        raise UserError(
            f"--output {path}: the network has {outputs} outputs, a .npy holds one; use .npz or .json"
        )
    check_can_write(path)


def write_outputs(path: Path, borders: Sequence[TensorEntry], outputs: Sequence[np.ndarray]) -> None:
    """Write outputs in the artifact's types; JSON has their scale and zero point beside them."""
    import numpy as np

    from tvm_patch.files import write_bytes

    names = [b.name for b in borders]
    buffer = io.BytesIO()
    if path.suffix == ".json":
        entries = [
            {k: getattr(b, k) for k in ("name", "dtype", "shape", "scale", "zero_point")}
            | {"values": v.tolist()}
            for b, v in zip(borders, outputs, strict=True)
        ]
        buffer.write(json.dumps(entries, indent=1).encode() + b"\n")
    elif path.suffix == ".npy":
        np.save(buffer, outputs[0])
    else:
        unique = [n if names.count(n) == 1 else f"{n}_{i}" for i, n in enumerate(names)]
        arrays: Any = dict(zip(unique, outputs, strict=True))
        np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())
