"""Reading what the compiler left in an artifact folder."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tvm_patch.artifact_files import METADATA, read_metadata
from tvm_patch.artifact_metadata import InputEntry, Metadata
from tvm_patch.errors import InputError, UserError

Given = np.ndarray | Callable[[int], np.ndarray]
"""An input: all of it, or for one that is fetched a function that gives a row."""

InputSet = Mapping[str, Given] | Sequence[Given]
"""A model's inputs, by name or in the model's order."""


@dataclass(frozen=True)
class CompiledModel:
    """A compiled model in a folder.

    Attributes
    ----------
    path : Path
        The folder.
    metadata : Metadata
        What its ``metadata.json`` says.
    """

    path: Path
    metadata: Metadata

    @property
    def operators(self) -> tuple[str, ...]:
        """Names of the operators, in the order in which they run."""
        return tuple(o.name for o in self.metadata.operators)

    @property
    def sources(self) -> tuple[Path, ...]:
        """C files to compile."""
        return tuple(self.path / s for s in self.metadata.sources)

    @property
    def include_dirs(self) -> tuple[Path, ...]:
        """Folders in which they look for headers."""
        return tuple(self.path / d for d in self.metadata.include_dirs)

    @property
    def fetched(self) -> tuple[InputEntry, ...]:
        """The inputs that come row by row through a row source, in the order of the sources."""
        return tuple(t for t in self.metadata.inputs if t.fetched)

    @property
    def symbol(self) -> str:
        """The C name of the model's ``struct tvm_patch_model``."""
        return f"tvmgen_{self.metadata.model_name}_model"


def load_artifact(path: str | Path) -> CompiledModel:
    """Read an artifact's ``metadata.json``.

    Raises
    ------
    UserError
        The folder is not an artifact, or its metadata lacks something or contradicts itself.
    """
    folder = Path(path)
    try:
        data = (folder / METADATA).read_bytes()
        paths = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    except OSError as e:
        raise UserError(f"{folder}: not an artifact: cannot read {METADATA} ({e.strerror})") from e
    return CompiledModel(folder.resolve(), read_metadata(folder, data, paths))


def fingerprint(artifact: CompiledModel) -> int:
    """Return a CRC-32 of everything that firmware is made of, to tell firmware of other artifacts from ours."""
    files = [artifact.path / METADATA, *artifact.sources]
    files += [f for d in artifact.include_dirs for f in sorted(d.iterdir()) if f.is_file()]
    mark = 0
    for file in files:
        mark = zlib.crc32(file.read_bytes(), zlib.crc32(file.name.encode(), mark))
    return mark


def order_inputs(artifact: CompiledModel, given: InputSet) -> list[Given]:
    """Check an input set and return it in the model's order.

    Raises
    ------
    InputError
        It lacks an input, or one has the wrong shape or dtype.
    """
    names = [t.name for t in artifact.metadata.inputs]
    if isinstance(given, Mapping):
        if set(given) != set(names):
            raise InputError(f"there are inputs {sorted(given)}, the model wants {sorted(names)}")
        ordered = [given[n] for n in names]
    else:
        ordered = list(given)
        if len(ordered) != len(names):
            raise InputError(f"there are {len(ordered)} inputs, the model wants {len(names)}")
    for info, one in zip(artifact.metadata.inputs, ordered, strict=True):
        if callable(one):
            if info.arena_offset is not None:
                raise InputError(f"{info.name!r} is not fetched row by row; give all of it as an array")
        elif tuple(one.shape) != info.shape or one.dtype != np.dtype(info.dtype):
            raise InputError(
                f"{info.name!r} is {one.dtype} {tuple(one.shape)}, the model wants {info.dtype} {info.shape}"
            )
    return ordered


def unpack_outputs(artifact: CompiledModel, data: bytes) -> list[np.ndarray]:
    """Cut one set's outputs, as the firmware sent them, into arrays.

    Raises
    ------
    ValueError
        There are too many or too few bytes.
    """
    if len(data) != sum(t.bytes for t in artifact.metadata.outputs):
        raise ValueError(
            f"{len(data)} bytes of output, {sum(t.bytes for t in artifact.metadata.outputs)} expected"
        )
    arrays, at = [], 0
    for info in artifact.metadata.outputs:
        part = data[at : at + info.bytes]
        arrays.append(np.frombuffer(part, dtype=info.dtype).reshape(info.shape).copy())
        at += info.bytes
    return arrays
