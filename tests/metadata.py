"""What ``metadata.json`` says of models that were never compiled."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from tvm_patch.artifact_metadata import (
    BorderEntry,
    InputEntry,
    Metadata,
    ModelInputEntry,
    OperatorEntry,
    SegmentEntry,
    TensorEntry,
)

Fields = dict[str, Any]


def tensor(name: str, shape: Sequence[int], offset: int = 0, **changes: Any) -> TensorEntry:
    """An int8 output at a place in the arena."""
    return TensorEntry(**_fields(name, shape, offset, changes))


def input_tensor(name: str, shape: Sequence[int], offset: int = 0, **changes: Any) -> InputEntry:
    """An int8 input in the arena."""
    return InputEntry(**{"mode": "resident", **_fields(name, shape, offset, changes)})


def _fields(name: str, shape: Sequence[int], offset: int, changes: Fields) -> Fields:
    item = 1 if "dtype" not in changes else {"int64": 8, "float32": 4}[changes["dtype"]]
    return {
        "name": name,
        "dtype": "int8",
        "scale": 0.5,
        "zero_point": 0,
        "c_name": name,
        "shape": tuple(shape),
        "bytes": prod(shape) * item,
        "arena_offset": offset,
        **changes,
    }


def border(entry: BorderEntry) -> BorderEntry:
    """What the model file has where nothing was folded."""
    return BorderEntry(**{k: getattr(entry, k) for k in BorderEntry.model_fields})


def operator(
    index: int,
    name: str,
    kind: str,
    macs: int = 0,
    shape: Sequence[int] = (1, 2),
    symbols: Sequence[str] = (),
) -> OperatorEntry:
    """An operator of an int8 output."""
    return OperatorEntry(
        index=index,
        name=name,
        kind=kind,
        macs=macs,
        output_bytes=prod(shape),
        output_shape=tuple(shape),
        symbols=tuple(symbols),
    )


def segment(*operators: int) -> SegmentEntry:
    """A segment in one band."""
    return SegmentEntry(
        operators=operators, bands=1, patch_rows=0, channels=0, composites=(), scratch_bytes=0
    )


def metadata(
    name: str,
    inputs: Sequence[InputEntry],
    outputs: Sequence[TensorEntry],
    operators: Sequence[OperatorEntry],
    **changes: Any,
) -> Metadata:
    """A model compiled layer by layer, whose border is as in its file."""
    memory = {"constants_size_bytes": 33, "io_size_bytes": 0, "workspace_size_bytes": 0}
    fields: Fields = {
        "format_version": 1,
        "generator": "a test",
        "model_name": name,
        "style": "full-model",
        "executors": ("aot",),
        "target": "host",
        "arena_bytes": sum(t.bytes for t in (*inputs, *outputs)),
        "arena_align": 8,
        "bought": None,
        "macs": sum(o.macs for o in operators),
        "macs_executed": sum(o.macs for o in operators),
        "inputs": tuple(inputs),
        "outputs": tuple(outputs),
        "operators": tuple(operators),
        "segments": tuple(segment(o.index) for o in operators),
        "memory": {"functions": {"main": (memory,)}},
        "sources": (f"codegen/host/src/{name}_lib0.c",),
        "include_dirs": ("codegen/host/include", "codegen/host/src"),
        "board": "host",
        "io": "int8",
        "model_sha256": "",
        "model_inputs": tuple(
            ModelInputEntry(**border(t).model_dump(), axes=None, shape=None) for t in inputs
        ),
        "model_outputs": tuple(border(t) for t in outputs),
        "arena_lower_bound": 0,
        "arena_method": "by hand",
        "input_mode": "resident",
        "prefer": "balanced",
        "signature": None,
        "notes": (),
        "ram_constant_bytes": 0,
        "scheme": "layer",
        "plan": None,
    }
    return Metadata(**{**fields, **changes})
