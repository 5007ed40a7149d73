"""Values in the artifact's own types and in the model file's: the same numbers, before and after folding.

With ``--io int8`` an artifact takes int8 where the file may take float32 (folded QUANTIZE) or uint8 (folded
requantization), and likewise for outputs, NHWC where the file takes NCHW and a picture where it takes a vector.  These
functions apply exactly what was folded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tvm_patch.artifact_metadata import BorderEntry, ModelInputEntry, TensorEntry
from tvm_patch.errors import InputError
from tvm_patch.integer import dtype_range, tables
from tvm_patch.integer.params import dequantize, quantize_float


def _table(source: BorderEntry, target: BorderEntry) -> np.ndarray:
    return tables.requantize(
        source.scale,
        source.zero_point,
        target.scale,
        target.zero_point,
        source.dtype,
        target.dtype,
    )


def _look_up(table: np.ndarray, values: np.ndarray) -> np.ndarray:
    lowest, _ = dtype_range(str(values.dtype))
    return np.asarray(table[values.astype(np.int64) - lowest])


def _same(a: BorderEntry, b: BorderEntry) -> bool:
    return a.dtype == b.dtype and (a.scale, a.zero_point) == (b.scale, b.zero_point)


def shape_in_model(shape: Sequence[int], model: ModelInputEntry) -> tuple[int, ...]:
    """Return the shape in the model file of an input whose shape in the artifact is given."""
    return _unturned(shape, model) if model.shape is None else model.shape


def _unturned(shape: Sequence[int], model: ModelInputEntry) -> tuple[int, ...]:
    return tuple(shape if model.axes is None else (shape[i] for i in np.argsort(model.axes)))


def input_to_artifact(values: np.ndarray, model: ModelInputEntry, artifact: TensorEntry) -> np.ndarray:
    """Convert an input from the model file's type, shape and order of axes to the artifact's."""
    return quantized(in_shape_of(values, model, artifact), model, artifact)


def in_shape_of(values: np.ndarray, model: ModelInputEntry, artifact: TensorEntry) -> np.ndarray:
    """Bring an input from the model file's shape and order of axes to the artifact's."""
    values = values.reshape(_unturned(artifact.shape, model))
    return values if model.axes is None else np.ascontiguousarray(values.transpose(model.axes))


def quantized(values: np.ndarray, model: BorderEntry, artifact: BorderEntry) -> np.ndarray:
    """Convert an input from the model file's type to the artifact's, its axes as they are."""
    if _same(model, artifact):
        return values
    if model.dtype == "float32":
        return quantize_float(values, artifact.scale, artifact.zero_point, artifact.dtype)
    return _look_up(_table(model, artifact), values)


def input_to_model(values: np.ndarray, model: ModelInputEntry, artifact: BorderEntry) -> np.ndarray:
    """Find an input in the model file's type, shape and order of axes that folded operators turn into `values`.

    Raises
    ------
    InputError
        When there is none: the folded operator never gives one of the values.
    """
    if model.axes is not None:
        values = np.ascontiguousarray(values.transpose(np.argsort(model.axes)))
    if model.shape is not None:
        values = values.reshape(model.shape)
    if _same(model, artifact):
        return values
    if model.dtype == "float32":
        return dequantize(values, artifact.scale, artifact.zero_point)
    lowest, highest = dtype_range(model.dtype)
    domain = np.arange(lowest, highest + 1).astype(model.dtype)
    image = _look_up(_table(model, artifact), domain)
    inverse = {int(q): x for x, q in zip(domain, image, strict=True)}
    missing = set(np.unique(values).tolist()) - set(inverse)
    if missing:
        raise InputError(
            f"input {artifact.name!r}: the model's own {model.dtype} input cannot give the int8 value "
            f"{min(missing)}; pass {model.dtype} values"
        )
    lookup = np.array([inverse.get(q, domain[0]) for q in range(*_span(artifact.dtype))], dtype=model.dtype)
    return np.asarray(lookup[values.astype(np.int64) - dtype_range(artifact.dtype)[0]])


def _span(dtype: str) -> tuple[int, int]:
    lowest, highest = dtype_range(dtype)
    return lowest, highest + 1


def output_to_model(values: np.ndarray, model: BorderEntry, artifact: BorderEntry) -> np.ndarray:
    """Convert an output of the artifact to the model file's type."""
    if _same(model, artifact):
        return values
    if model.dtype == "float32":
        return dequantize(values, artifact.scale, artifact.zero_point)
    return _look_up(_table(artifact, model), values)


def difference_in_steps(ours: np.ndarray, reference: np.ndarray, artifact: BorderEntry) -> int:
    """Return the largest difference of two outputs in the model's type, in quantization steps of the artifact.

    Different bits never count as 0: a difference of less than half a step counts as 1.
    """
    if ours.shape != reference.shape or ours.dtype != reference.dtype:
        raise InputError(
            f"output {artifact.name!r} is {ours.dtype}{ours.shape}, the reference gives "
            f"{reference.dtype}{reference.shape}"
        )
    if np.array_equal(ours, reference):
        return 0
    step = artifact.scale if ours.dtype.kind == "f" and artifact.scale else 1
    largest = float(np.max(np.abs(ours.astype(np.float64) - reference.astype(np.float64)))) / step
    return max(1, round(largest)) if np.isfinite(largest) else 2**31 - 1


def random_model_input(
    rng: np.random.Generator, model: BorderEntry, artifact: BorderEntry, shape: Sequence[int]
) -> np.ndarray:
    """Draw an input in the model file's type over its whole range, that of its quantization where it has one."""
    dtype = model.dtype
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype in ("int32", "int64"):
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=np.dtype(dtype).type, endpoint=True)
    if dtype == "float32":
        lowest, highest = _span(artifact.dtype) if artifact.dtype != "float32" else (-128, 128)
        drawn = rng.integers(lowest, highest, shape)
        if artifact.dtype == "float32":
            return (drawn / 64).astype(np.float32)
        return dequantize(drawn.astype(artifact.dtype), artifact.scale, artifact.zero_point)
    return rng.integers(*_span(dtype), shape).astype(dtype)
