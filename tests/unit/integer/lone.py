"""Single-operator models for LiteRT, and what all tests of this folder share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from relay_passes.dialect import evaluate
from tvm_patch import graph
from tvm_patch.oracle import run_oracle
from tvm_patch.tflite.model import Model, Operator, Quantization, Tensor
from tvm_patch.tflite.writer import write_model

seeds = st.integers(0, 2**32 - 1)
"""Seeds of the generator that makes the numbers of an example; geometry is drawn by hypothesis itself."""

activations = st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])


def examples(count: int) -> settings:
    """Return deterministic settings with `count` examples."""
    return settings(
        max_examples=count, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )


def Op(  # noqa: N802 - reads as the record it returns
    kind: str,
    attrs: dict[str, Any] | None = None,
    constants: dict[str, np.ndarray] | None = None,
    outputs: Sequence[tuple[int, ...]] = (),
) -> graph.Operator:
    """Return what `evaluate` needs of an operator."""
    made = tuple(graph.Tensor(f"y{i}", shape) for i, shape in enumerate(outputs))
    return graph.Operator(kind, kind, (), made, constants or {}, attrs or {})


def reference(op: graph.Operator, *inputs: np.ndarray) -> np.ndarray:
    """Return the only output of `op`."""
    (out,) = evaluate(op, inputs)
    return out


def tensor(
    shape: Sequence[int],
    scale: Any = None,
    zero_point: int = 0,
    data: np.ndarray | None = None,
    dtype: str = "int8",
    axis: int = 0,
) -> Tensor:
    """Return a tensor; quantized when there is a scale, a constant when there is data."""
    quantization = None
    if scale is not None:
        scales = np.atleast_1d(np.asarray(scale, np.float32))
        quantization = Quantization(scales, np.full(scales.shape, zero_point, np.int64), axis)
    if data is not None:
        dtype = data.dtype.name
    return Tensor("t", tuple(int(d) for d in shape), dtype, quantization, data)


def constant(data: np.ndarray, scale: Any = None, zero_point: int = 0, axis: int = 0) -> Tensor:
    """Return a constant tensor."""
    return tensor(data.shape, scale, zero_point, data, axis=axis)


def lone_model(
    kind: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], **options: Any
) -> bytes:
    """Return a model of one operator; tensors without data are the model's inputs."""
    present = [t for t in inputs if t is not None]
    tensors = (*present, *outputs)
    indices = iter(range(len(present)))
    operands = tuple(-1 if t is None else next(indices) for t in inputs)
    results = tuple(range(len(present), len(tensors)))
    free = tuple(i for i, t in enumerate(present) if t.data is None)
    return write_model(Model(tensors, (Operator(kind, operands, results, options),), free, results))


def litert(
    kind: str,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    data: Sequence[np.ndarray],
    **options: Any,
) -> np.ndarray:
    """Return BUILTIN_REF's only output."""
    (out,) = run_oracle(lone_model(kind, inputs, outputs, **options), data).outputs
    return out


def random_int8(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Return int8 values over the whole range, ends included, or sometimes constant at one of them."""
    if rng.random() < 0.1:
        return np.full(shape, rng.choice([-128, 127]), np.int8)
    return rng.integers(-128, 128, shape).astype(np.int8)


def random_zero_point(rng: np.random.Generator) -> int:
    """Return an int8 zero point, one of the ends as often as not."""
    return int(rng.choice([-128, 127, 0, rng.integers(-128, 128), rng.integers(-128, 128)]))


def random_scale(rng: np.random.Generator, low: float = 1e-3, high: float = 1.0) -> float:
    """Return a float32 scale, log-uniform, sometimes a power of two."""
    scale = np.exp(rng.uniform(np.log(low), np.log(high)))
    if rng.random() < 0.15:
        scale = 2.0 ** np.round(np.log2(scale))
    return float(np.float32(scale))


def axis_padding(mode: str, size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int, int]:
    """Return (output size, padding before, padding after) of one axis by TFLite's rules."""
    reach = (kernel - 1) * dilation + 1
    if mode == "VALID":
        return (size - reach) // stride + 1, 0, 0
    out = -(-size // stride)
    total = max((out - 1) * stride + reach - size, 0)
    return out, total // 2, total - total // 2
