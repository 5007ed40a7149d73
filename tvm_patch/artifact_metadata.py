"""Whether ``metadata.json`` has what the command line, the boards and the checker read of it."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite, prod
from pathlib import Path
from typing import Any

from tvm_patch.errors import UserError
from tvm_patch.tflite.model import ITEM_SIZE

_KINDS: dict[str, type | tuple[type, ...]] = {
    "model_name": str,
    "arena_bytes": int,
    "arena_align": int,
    "macs": int,
    "macs_executed": int,
    "input_mode": str,
    "scheme": str,
    "segments": list,
    "inputs": list,
    "outputs": list,
    "model_inputs": list,
    "model_outputs": list,
    "operators": list,
    "sources": list,
    "include_dirs": list,
    "model_sha256": str,
    "signature": (str, type(None)),
    "notes": list,
}
_BORDER: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "dtype": str,
    "scale": (int, float),
    "zero_point": int,
}
_TENSOR = {**_BORDER, "shape": list, "bytes": int, "arena_offset": (int, type(None))}
FETCHED_MODES = ("rereadable", "streamed")
"""Modes of inputs that are not in the arena."""
_OPERATOR: dict[str, type | tuple[type, ...]] = {
    "index": int,
    "name": str,
    "kind": str,
    "macs": int,
    "output_bytes": int,
}


FORMAT_VERSION = 1
"""What ``metadata.json`` says of itself; boards and the compiler read no other."""

_INT32 = range(-(2**31), 2**31)


def check_artifact(source: Path, document: Any, files: Collection[str]) -> None:
    """Check a parsed ``metadata.json``; arguments as of :func:`check_metadata`, and where it comes from.

    Raises
    ------
    UserError
        It is damaged, or of another version.
    """
    try:
        version = document["format_version"]
        if version == FORMAT_VERSION:
            check_metadata(document, files)
    except (ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{source}/metadata.json is damaged: {what}; compile the model again") from error
    if version != FORMAT_VERSION:
        raise UserError(
            f"{source} has format version {version!r}, this tvm-patch reads {FORMAT_VERSION}; compile the model again"
        )


def check_metadata(document: Any, files: Collection[str]) -> None:
    """Check a parsed ``metadata.json``.

    Parameters
    ----------
    document : object
        What the file holds.
    files : collection of str
        Paths of the artifact's files.

    Raises
    ------
    KeyError, TypeError, ValueError
        When something is missing, of the wrong type or inconsistent.
    """
    _check(document, _KINDS, "it")
    sizes = [document[key] for key in ("arena_bytes", "arena_align", "macs", "macs_executed")]
    if min(sizes) < 0 or max(sizes[:2]) not in _INT32 or max(sizes) >= 1 << 63:
        raise ValueError("it has a size that nothing can have")
    for side in ("inputs", "outputs"):
        if len(document[side]) != len(document[f"model_{side}"]):
            raise ValueError(f"{side} and model_{side} have different lengths")
        for entry in document[f"model_{side}"]:
            _check(entry, _BORDER, f"an entry of model_{side}")
            _check_grid(entry)
        for entry in document[side]:
            _check(entry, _TENSOR, f"an entry of {side}")
            _check_grid(entry)
            _check_tensor(entry, document["arena_bytes"], side == "inputs" and entry["mode"] in FETCHED_MODES)
    for entry in document["operators"]:
        _check(entry, _OPERATOR, "an entry of operators")
    missing = [s for s in document["sources"] if s not in files]
    if missing or not document["sources"]:
        raise ValueError(
            f"the artifact lacks its source {missing[0]!r}" if missing else "there are no sources"
        )


def _check(entry: Any, kinds: dict[str, type | tuple[type, ...]], what: str) -> None:
    if not isinstance(entry, dict):
        raise TypeError(f"{what} is not an object")
    for key, kind in kinds.items():
        if not isinstance(entry[key], kind) or isinstance(entry[key], bool):
            raise TypeError(f"{key!r} of {what} is {entry[key]!r}")


def _check_grid(entry: dict[str, Any]) -> None:
    scale, zero_point = entry["scale"], entry["zero_point"]
    if not (isfinite(scale) and scale >= 0 and zero_point in _INT32):
        raise ValueError(f"tensor {entry['name']!r} has scale {scale} and zero point {zero_point}")


def _check_tensor(entry: dict[str, Any], arena_bytes: int, fetched: bool) -> None:
    shape, offset = entry["shape"], entry["arena_offset"]
    if entry["dtype"] not in ITEM_SIZE or any(type(d) is not int or d < 1 for d in shape):
        raise ValueError(f"tensor {entry['name']!r} is {entry['dtype']} {shape}")
    if entry["bytes"] != prod(shape) * ITEM_SIZE[entry["dtype"]]:
        raise ValueError(
            f"tensor {entry['name']!r} has {entry['bytes']} bytes, but shape and dtype make others"
        )
    if fetched != (offset is None):
        raise ValueError(
            f"tensor {entry['name']!r} is {'' if fetched else 'not '}fetched, at arena_offset {offset}"
        )
    if offset is not None and (offset < 0 or offset + entry["bytes"] > arena_bytes):
        raise ValueError(f"tensor {entry['name']!r} lies outside the arena")
