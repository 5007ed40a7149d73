"""Inputs as C source: what the standalone application runs on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from microtvm_project.artifact import CompiledModel, order_inputs
from tvm_patch.errors import InputError

_BYTES_A_LINE = 24


def load_input_set(artifact: CompiledModel, file: Path | None) -> list[np.ndarray]:
    """Read one input set, or draw a random one.

    Parameters
    ----------
    artifact : CompiledModel
        Whose inputs they are.
    file : Path or None
        ``.npy`` for a single input; ``.npz`` with the arrays in the model's order.

    Raises
    ------
    InputError
        The file cannot be read, or its arrays have the wrong shape or dtype.
    """
    if file is None:
        return [_random(t.shape, t.dtype, i) for i, t in enumerate(artifact.metadata.inputs)]
    try:
        loaded = np.load(file, allow_pickle=False)
        arrays = [loaded[k] for k in loaded.files] if isinstance(loaded, np.lib.npyio.NpzFile) else [loaded]
    except (OSError, ValueError, EOFError) as e:
        raise InputError(f"{file}: not an array file: {e}") from e
    try:
        order_inputs(artifact, arrays)
    except InputError as e:
        raise InputError(f"{file}: {e}") from e
    return [np.ascontiguousarray(a) for a in arrays]


def _random(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.uniform(-1, 1, shape).astype(kind)
    if kind.kind == "b":
        return rng.integers(0, 2, shape).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def inputs_c(arrays: Sequence[np.ndarray]) -> str:
    """Return C source that defines ``standalone_inputs``."""
    lines = ["/* Written by tvm-patch. */", '#include "standalone_inputs.h"', ""]
    for index, array in enumerate(arrays):
        data = np.ascontiguousarray(array).tobytes()
        lines.append(f"static const uint8_t input{index}[{len(data)}] __attribute__((aligned(8))) = {{")
        for at in range(0, len(data), _BYTES_A_LINE):
            lines.append("  " + "".join(f"{b}," for b in data[at : at + _BYTES_A_LINE]))
        lines += ["};", ""]
    names = ", ".join(f"input{i}" for i in range(len(arrays)))
    lines += [f"const void *const standalone_inputs[] = {{{names}}};", ""]
    return "\n".join(lines)
