"""Tables of unary functions against BUILTIN_REF: every input, random quantization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lone import Op, examples, litert, random_scale, random_zero_point, reference, seeds, tensor

from tvm_patch.errors import UnsupportedError
from tvm_patch.integer import tables


def inputs(dtype: str = "int8") -> np.ndarray:
    return tables.input_values(dtype).astype(dtype).reshape(1, 256)


def check(
    kind: str,
    table: Callable[..., np.ndarray],
    scales: tuple[float, float],
    rng: Any,
    dtype: str,
    output_zero_point: int | None = None,
    **options: Any,
) -> None:
    shift = 128 * (dtype == "uint8")
    zero_points = [random_zero_point(rng) + shift, random_zero_point(rng) + shift]
    if output_zero_point is not None:
        zero_points[1] = output_zero_point
    data = inputs(dtype)
    expected = litert(
        kind,
        [tensor(data.shape, scales[0], zero_points[0], dtype=dtype)],
        [tensor(data.shape, scales[1], zero_points[1], dtype=dtype)],
        [data],
        **options,
    )
    made = table(scales[0], zero_points[0], scales[1], zero_points[1], dtype)
    assert made.shape == (256,)
    np.testing.assert_array_equal(made, expected[0])


dtypes = st.sampled_from(["int8", "int8", "uint8"])


@pytest.mark.parametrize(
    ("kind", "table"),
    [("RELU", tables.relu), ("RELU6", tables.relu6), ("RELU_N1_TO_1", tables.relu_n1_to_1)],
)
@examples(150)
@given(dtype=dtypes, seed=seeds)
def test_relus(kind: str, table: Callable[..., np.ndarray], dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = random_scale(rng)
    ratio = 1.0 if rng.random() < 0.3 else np.exp(rng.uniform(-2, 2))
    check(kind, table, (scale, float(np.float32(scale * ratio))), rng, dtype)


@examples(300)
@given(dtype=dtypes, seed=seeds)
def test_leaky_relu(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    alpha = float(np.float32(rng.choice([0.1, 0.2, 0.3, rng.uniform(0, 1.5)])))
    scale = random_scale(rng)

    def table(*args: Any) -> np.ndarray:
        return tables.leaky_relu(alpha, *args)

    check(
        "LEAKY_RELU",
        table,
        (scale, float(np.float32(scale * np.exp(rng.uniform(-2, 2))))),
        rng,
        dtype,
        alpha=alpha,
    )


@examples(300)
@given(dtype=dtypes, seed=seeds)
def test_hard_swish(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = random_scale(rng, 1e-3, 3.0)
    check(
        "HARD_SWISH", tables.hard_swish, (scale, random_scale(rng, max(1e-3, scale / 100), 3.0)), rng, dtype
    )


@examples(300)
@given(usual=st.booleans(), dtype=dtypes, seed=seeds)
def test_tanh(usual: bool, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    out = 1 / 128 if usual else random_scale(rng, 1e-3, 0.1)
    check("TANH", tables.tanh, (random_scale(rng, 1e-3, 1.0), out), rng, dtype)


@examples(300)
@given(dtype=dtypes, seed=seeds)
def test_logistic(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # LiteRT takes no other output quantization.
    output = 1 / 256, -128 if dtype == "int8" else 0
    check("LOGISTIC", tables.logistic, (random_scale(rng, 1e-3, 1.0), output[0]), rng, dtype, output[1])


@examples(300)
@given(
    source=st.sampled_from(["int8", "uint8"]),
    target=st.sampled_from(["int8", "uint8"]),
    same=st.booleans(),
    seed=seeds,
)
def test_requantize(source: str, target: str, same: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = random_scale(rng)
    out_scale = scale if same else float(np.float32(scale * np.exp(rng.uniform(-3, 3))))
    zero_point = random_zero_point(rng) + 128 * (source == "uint8")
    out_zero_point = random_zero_point(rng) + 128 * (target == "uint8")
    if same and rng.random() < 0.5:
        # LiteRT flips the sign bit instead of rescaling.
        out_zero_point = zero_point + 128 * ((target == "uint8") - (source == "uint8"))
    data = inputs(source)
    expected = litert(
        "QUANTIZE",
        [tensor(data.shape, scale, zero_point, dtype=source)],
        [tensor(data.shape, out_scale, out_zero_point, dtype=target)],
        [data],
    )
    made = tables.requantize(scale, zero_point, out_scale, out_zero_point, source, target)
    assert made.dtype == np.dtype(target)
    np.testing.assert_array_equal(made, expected[0])


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_lookup_indexes_by_value(dtype: str) -> None:
    table = np.random.default_rng(0).integers(-128, 128, 256).astype(np.int8)
    data = inputs(dtype)
    op = Op("lookup", {"origin": "logistic", "dtype": "int8"}, {"table": table})
    np.testing.assert_array_equal(reference(op, data)[0], table)


def test_relu_0_to_1_clamps_both_sides() -> None:
    table = tables.relu_0_to_1(0.01, 0, 0.01, 0)
    assert table.min() == 0
    assert table.max() == 100


def test_hard_swish_refuses_what_the_kernel_refuses() -> None:
    with pytest.raises(UnsupportedError, match="hard swish"):
        tables.hard_swish(1.0, 0, 1e-3, 0)


def test_negative_slope_mirrors() -> None:
    table = tables.leaky_relu(-0.5, 0.1, 0, 0.1, 0)
    assert table[128 - 100] == 50
    assert table[128 + 100] == 100
