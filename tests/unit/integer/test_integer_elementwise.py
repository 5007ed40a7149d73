"""Element-wise operators against BUILTIN_REF, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lone import (
    Op,
    activations,
    constant,
    examples,
    litert,
    random_int8,
    random_scale,
    random_zero_point,
    reference,
    seeds,
    tensor,
)

from tvm_patch.errors import UnsupportedError
from tvm_patch.integer import add_attrs, dequantize_int8, mul_attrs, prelu_attrs, quantize_float

SHAPES = [
    ((1, 4, 5, 3), (1, 4, 5, 3)),
    ((1, 4, 5, 3), (1, 1, 1, 3)),
    ((1, 1, 1, 6), (2, 3, 4, 6)),
    ((1, 4, 5, 3), (1, 4, 1, 1)),
    ((2, 3, 1), (1, 3, 5)),
    ((3, 4), (4,)),
    ((1, 7, 7, 2), (1,)),
    ((5,), (5,)),
]


@examples(300)
@given(
    kind=st.sampled_from(["add", "sub", "mul"]),
    shapes=st.sampled_from(SHAPES),
    activation=activations,
    fixed=st.sampled_from([None, "lhs", "rhs"]),
    seed=seeds,
)
def test_arithmetic(
    kind: str, shapes: tuple[tuple[int, ...], ...], activation: str, fixed: str | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scales = [random_scale(rng, 1e-3, 10.0) for _ in range(2)]
    zero_points = [random_zero_point(rng) for _ in range(3)]
    data = dict(zip(("lhs", "rhs"), (random_int8(rng, s) for s in shapes), strict=True))
    spread = max(scales) if kind != "mul" else scales[0] * scales[1] * 40
    out_scale = float(np.float32(spread * np.exp(rng.uniform(-2, 2))))
    make: Callable[..., dict[str, int]] = mul_attrs if kind == "mul" else add_attrs
    attrs = make(scales[0], zero_points[0], scales[1], zero_points[1], out_scale, zero_points[2], activation)
    constants = {k: v for k, v in data.items() if k == fixed}
    inputs = [v for k, v in data.items() if k != fixed]
    operands = [
        tensor(v.shape, s, z, v if k == fixed else None)
        for (k, v), s, z in zip(data.items(), scales, zero_points[:2], strict=True)
    ]
    shape = np.broadcast_shapes(*shapes)
    expected = litert(
        kind.upper(),
        operands,
        [tensor(shape, out_scale, zero_points[2])],
        inputs,
        fused_activation_function=activation,
    )
    np.testing.assert_array_equal(reference(Op(kind, attrs, constants), *inputs), expected)


@pytest.mark.parametrize("kind", ["maximum", "minimum"])
@pytest.mark.parametrize("shapes", SHAPES)
def test_extremes(kind: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    rng = np.random.default_rng(3)
    data = [rng.integers(-128, 128, s).astype(np.int8) for s in shapes]
    operands = [tensor(s, 0.1, 4) for s in shapes]
    shape = np.broadcast_shapes(*shapes)
    expected = litert(kind.upper(), operands, [tensor(shape, 0.1, 4)], data)
    np.testing.assert_array_equal(reference(Op(kind), *data), expected)


@examples(200)
@given(shape=st.sampled_from([(1, 4, 5, 3), (2, 3, 3, 4)]), shared=st.booleans(), seed=seeds)
def test_prelu(shape: tuple[int, ...], shared: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data_scale, alpha_scale = random_scale(rng), random_scale(rng, 1e-3, 0.1)
    out_scale = float(np.float32(data_scale * np.exp(rng.uniform(-1, 2))))
    zero_points = [random_zero_point(rng) for _ in range(3)]
    data = random_int8(rng, shape)
    alpha = random_int8(rng, (1, 1, shape[-1]) if shared else shape[1:])
    attrs = prelu_attrs(data_scale, zero_points[0], alpha_scale, zero_points[1], out_scale, zero_points[2])
    expected = litert(
        "PRELU",
        [tensor(shape, data_scale, zero_points[0]), constant(alpha, alpha_scale, zero_points[1])],
        [tensor(shape, out_scale, zero_points[2])],
        [data],
    )
    np.testing.assert_array_equal(reference(Op("prelu", attrs, {"alpha": alpha}), data), expected)


@examples(200)
@given(dtype=st.sampled_from(["int8", "uint8"]), seed=seeds)
def test_quantize_float(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale, zero_point = random_scale(rng, 1e-4, 10.0), random_zero_point(rng)
    zero_point += 128 * (dtype == "uint8")
    # Halves of steps as well as anything, some of it out of range.
    steps = rng.integers(-600, 600, (1, 300)) / 2
    data = (steps * np.float32(scale)).astype(np.float32)
    data[:, ::3] += rng.normal(0, scale, (1, 100)).astype(np.float32)
    expected = litert(
        "QUANTIZE",
        [tensor((1, 300), dtype="float32")],
        [tensor((1, 300), scale, zero_point, dtype=dtype)],
        [data],
    )
    op = Op("quantize", {"scale": scale, "zero_point": zero_point, "dtype": dtype})
    np.testing.assert_array_equal(reference(op, data), expected)


@examples(50)
@given(dtype=st.sampled_from(["int8", "uint8"]), seed=seeds)
def test_dequantize(dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale, zero_point = random_scale(rng, 1e-6, 100.0), random_zero_point(rng)
    zero_point += 128 * (dtype == "uint8")
    low = -128 * (dtype == "int8")
    data = np.arange(low, low + 256).astype(dtype)
    expected = litert(
        "DEQUANTIZE",
        [tensor((256,), scale, zero_point, dtype=dtype)],
        [tensor((256,), dtype="float32")],
        [data],
    )
    actual = reference(Op("dequantize", {"scale": scale, "zero_point": zero_point}), data)
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(actual, expected)


def test_quantize_float_rejects_nan_and_saturates() -> None:
    with pytest.raises(ValueError, match="not a number"):
        quantize_float([float("nan")], 0.1, 0)
    assert list(quantize_float([1e30, -1e30, 0.25], 0.1, 0)) == [127, -128, 3]


def test_dequantize_int8() -> None:
    np.testing.assert_array_equal(
        dequantize_int8(np.array([-128, 5], np.int8), 0.5, 1), np.array([-64.5, 2.0], np.float32)
    )


def test_add_refuses_what_aborts_litert() -> None:
    with pytest.raises(UnsupportedError, match="too fine"):
        add_attrs(1.0, 0, 1.0, 0, 1e-7, 0)
