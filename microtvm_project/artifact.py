"""Reading what the compiler left in an artifact folder."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tvm_patch.artifact_files import parse_metadata
from tvm_patch.artifact_metadata import FORMAT_VERSION
from tvm_patch.errors import InputError, UserError

_DTYPES = frozenset({"int8", "uint8", "int16", "int32", "int64", "float32", "bool"})
_MODES = frozenset({"resident", "rereadable", "streamed"})

Given = np.ndarray | Callable[[int], np.ndarray]
"""An input: all of it, or for one that is fetched a function that gives a row."""

InputSet = Mapping[str, Given] | Sequence[Given]
"""A model's inputs, by name or in the model's order."""


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a model.

    Attributes
    ----------
    name, dtype : str
        Its name in the TFLite file and numpy's name of its type.
    shape : tuple of int
        As in the model, batch included.
    bytes : int
        Size.
    arena_offset : int or None
        Where it lies in the arena; None for an input that is not there.
    mode : {"resident", "rereadable", "streamed"}
        Where an input comes from: the arena, a row source that gives any row again, or one that gives each row once.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    arena_offset: int | None
    mode: str = "resident"


@dataclass(frozen=True)
class Artifact:
    """A compiled model as a folder, as far as a board needs to know it.

    Attributes
    ----------
    path : Path
        The folder.
    model_name : str
        A C identifier; the model's symbol is ``tvmgen_<model_name>_model``.
    arena_bytes, arena_align : int
        The block that an inference uses.
    inputs, outputs : tuple of TensorInfo
        In the model's order.
    operators : tuple of str
        Names, in the order in which they run.
    sources, include_dirs : tuple of Path
        C files to compile and folders to search.
    made_for : str
        The board that its kernels were chosen for.
    """

    path: Path
    model_name: str
    arena_bytes: int
    arena_align: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    operators: tuple[str, ...]
    sources: tuple[Path, ...]
    include_dirs: tuple[Path, ...]
    made_for: str = "host"

    @property
    def fetched(self) -> tuple[TensorInfo, ...]:
        """The inputs that come row by row through a row source, in the order of the sources."""
        return tuple(t for t in self.inputs if t.arena_offset is None)

    @property
    def symbol(self) -> str:
        """The C name of the model's ``struct tvm_patch_model``."""
        return f"tvmgen_{self.model_name}_model"


def load_artifact(path: str | Path) -> Artifact:
    """Read an artifact's ``metadata.json``.

    Raises
    ------
    UserError
        The folder is not an artifact, or its metadata lacks something or contradicts itself.
    """
    folder = Path(path)
    file = folder / "metadata.json"
    try:
        data = parse_metadata(folder, file.read_bytes())
    except OSError as e:
        raise UserError(f"{folder}: not an artifact: cannot read metadata.json ({e.strerror})") from e
    try:
        return _parse(folder.resolve(), data)
    except KeyError as e:
        raise UserError(f"{file}: {e.args[0]!r} is missing") from e
    except (TypeError, ValueError) as e:
        raise UserError(f"{file}: {e}") from e


def _parse(folder: Path, data: Any) -> Artifact:
    if data["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format_version {data['format_version']!r}; this program reads {FORMAT_VERSION}")
    name = str(data["model_name"])
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
        raise ValueError(f"model_name {name!r} is not a C identifier")
    align = int(data["arena_align"])
    if align < 1 or align & (align - 1):
        raise ValueError(f"arena_align {align} is not a power of two")
    arena = int(data["arena_bytes"])
    return Artifact(
        path=folder,
        model_name=name,
        arena_bytes=arena,
        arena_align=align,
        inputs=tuple(_tensor(t, arena, t["mode"]) for t in data["inputs"]),
        outputs=tuple(_tensor(t, arena, "resident") for t in data["outputs"]),
        operators=tuple(str(o["name"]) for o in data["operators"]),
        sources=tuple(_inside(folder, s) for s in data["sources"]),
        include_dirs=tuple(_inside(folder, s) for s in data["include_dirs"]),
        made_for=str(data.get("board", "host")),
    )


def _tensor(data: Any, arena_bytes: int, mode: Any) -> TensorInfo:
    info = TensorInfo(
        str(data["name"]),
        str(data["dtype"]),
        tuple(int(d) for d in data["shape"]),
        int(data["bytes"]),
        None if data["arena_offset"] is None else int(data["arena_offset"]),
        str(mode),
    )
    if info.dtype not in _DTYPES:
        raise ValueError(f"tensor {info.name!r} has the unknown dtype {info.dtype!r}")
    expected = int(np.prod(info.shape, dtype=np.int64)) * np.dtype(info.dtype).itemsize
    if info.bytes != expected:
        raise ValueError(f"tensor {info.name!r} has {info.bytes} bytes, but shape and dtype make {expected}")
    if info.mode not in _MODES:
        raise ValueError(f"tensor {info.name!r} has the unknown mode {info.mode!r}")
    if (info.arena_offset is None) != (info.mode != "resident"):
        raise ValueError(f"tensor {info.name!r} is {info.mode}, but its arena_offset is {info.arena_offset}")
    if info.arena_offset is None:
        if len(info.shape) != 4 or info.shape[0] != 1 or np.dtype(info.dtype).itemsize != 1:
            raise ValueError(f"tensor {info.name!r}, {info.dtype} {info.shape}, has no rows to fetch")
    elif info.arena_offset < 0 or info.arena_offset + info.bytes > arena_bytes:
        raise ValueError(f"tensor {info.name!r} lies outside the arena of {arena_bytes} bytes")
    return info


def _inside(folder: Path, name: Any) -> Path:
    relative = PurePosixPath(str(name))
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"path {str(name)!r} leaves the artifact")
    found = folder / relative
    if not found.exists():
        raise ValueError(f"{str(name)!r} is not there")
    return found


def fingerprint(artifact: Artifact) -> int:
    """Return a CRC-32 of everything that firmware is made of, to tell firmware of other artifacts from ours."""
    files = [artifact.path / "metadata.json", *artifact.sources]
    files += [f for d in artifact.include_dirs for f in sorted(d.iterdir()) if f.is_file()]
    mark = 0
    for file in files:
        mark = zlib.crc32(file.read_bytes(), zlib.crc32(file.name.encode(), mark))
    return mark


def order_inputs(artifact: Artifact, given: InputSet) -> list[Given]:
    """Check an input set and return it in the model's order.

    Raises
    ------
    InputError
        It lacks an input, or one has the wrong shape or dtype.
    """
    names = [t.name for t in artifact.inputs]
    if isinstance(given, Mapping):
        if set(given) != set(names):
            raise InputError(f"there are inputs {sorted(given)}, the model wants {sorted(names)}")
        ordered = [given[n] for n in names]
    else:
        ordered = list(given)
        if len(ordered) != len(names):
            raise InputError(f"there are {len(ordered)} inputs, the model wants {len(names)}")
    for info, one in zip(artifact.inputs, ordered, strict=True):
        if callable(one):
            if info.arena_offset is not None:
                raise InputError(f"{info.name!r} is not fetched row by row; give all of it as an array")
        elif tuple(one.shape) != info.shape or one.dtype != np.dtype(info.dtype):
            raise InputError(
                f"{info.name!r} is {one.dtype} {tuple(one.shape)}, the model wants {info.dtype} {info.shape}"
            )
    return ordered


def unpack_outputs(artifact: Artifact, data: bytes) -> list[np.ndarray]:
    """Cut one set's outputs, as the firmware sent them, into arrays.

    Raises
    ------
    ValueError
        There are too many or too few bytes.
    """
    if len(data) != sum(t.bytes for t in artifact.outputs):
        raise ValueError(f"{len(data)} bytes of output, {sum(t.bytes for t in artifact.outputs)} expected")
    arrays, at = [], 0
    for info in artifact.outputs:
        part = data[at : at + info.bytes]
        arrays.append(np.frombuffer(part, dtype=info.dtype).reshape(info.shape).copy())
        at += info.bytes
    return arrays
