"""Pooling, reductions, softmax and ARG_MAX against BUILTIN_REF, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lone import (
    Op,
    activations,
    axis_padding,
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
from tvm_patch.integer import activation_range, mean_attrs, softmax_attrs


@examples(300)
@given(
    kind=st.sampled_from(["avg_pool2d", "max_pool2d"]),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    pool=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["SAME", "VALID"]),
    activation=activations,
    seed=seeds,
)
def test_pooling(
    kind: str,
    size: tuple[int, int],
    pool: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    activation: str,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    axes = [axis_padding(padding, size[i], pool[i], stride[i]) for i in range(2)]
    assume(all(a[0] > 0 for a in axes))
    (out_h, top, bottom), (out_w, left, right) = axes
    scale, zero_point = random_scale(rng), random_zero_point(rng)
    data = random_int8(rng, (1, *size, 3))
    low, high = activation_range(activation, scale, zero_point)
    attrs = {
        "pool_size": list(pool),
        "strides": list(stride),
        "padding": [top, left, bottom, right],
        "act_min": low,
        "act_max": high,
    }
    expected = litert(
        {"avg_pool2d": "AVERAGE_POOL_2D", "max_pool2d": "MAX_POOL_2D"}[kind],
        [tensor(data.shape, scale, zero_point)],
        [tensor((1, out_h, out_w, 3), scale, zero_point)],
        [data],
        padding=padding,
        stride_h=stride[0],
        stride_w=stride[1],
        filter_height=pool[0],
        filter_width=pool[1],
        fused_activation_function=activation,
    )
    np.testing.assert_array_equal(reference(Op(kind, attrs), data), expected)


@st.composite
def reductions(draw: st.DrawFn) -> tuple[tuple[int, ...], list[int], bool]:
    rank = draw(st.integers(1, 4))
    shape = tuple(draw(st.integers(1, 9)) for _ in range(rank))
    axes = draw(st.lists(st.integers(0, rank - 1), min_size=1, max_size=rank, unique=True))
    return shape, sorted(axes), draw(st.booleans())


def reduced_shape(shape: tuple[int, ...], axes: list[int], keep: bool) -> tuple[int, ...]:
    return tuple(1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes)


@examples(400)
@given(case=reductions(), seed=seeds)
def test_mean(case: tuple[tuple[int, ...], list[int], bool], seed: int) -> None:
    shape, axes, keep = case
    rng = np.random.default_rng(seed)
    scale = random_scale(rng)
    out_scale = scale if rng.random() < 0.3 else float(np.float32(scale * np.exp(rng.uniform(-3, 2))))
    zero_points = random_zero_point(rng), random_zero_point(rng)
    data = random_int8(rng, shape)
    count = int(np.prod([shape[a] for a in axes]))
    attrs = mean_attrs(scale, zero_points[0], out_scale, zero_points[1], count)
    expected = litert(
        "MEAN",
        [tensor(shape, scale, zero_points[0]), constant(np.array(axes, np.int32))],
        [tensor(reduced_shape(shape, axes, keep), out_scale, zero_points[1])],
        [data],
        keep_dims=keep,
    )
    op = Op("mean", {"axes": axes, "keepdims": keep, **attrs})
    np.testing.assert_array_equal(reference(op, data), expected)


def test_mean_of_a_large_map() -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(-128, 128, (1, 112, 112, 2)).astype(np.int8)
    attrs = mean_attrs(0.02, -128, 0.013, 127, 112 * 112)
    expected = litert(
        "MEAN",
        [tensor(data.shape, 0.02, -128), constant(np.array([1, 2], np.int32))],
        [tensor((1, 2), 0.013, 127)],
        [data],
        keep_dims=False,
    )
    op = Op("mean", {"axes": [1, 2], "keepdims": False, **attrs})
    np.testing.assert_array_equal(reference(op, data), expected)


def test_mean_knows_one_formula() -> None:
    with pytest.raises(ValueError, match="no formula"):
        reference(Op("mean", {"formula": "float"}), np.zeros((1, 2), np.int8))


@examples(60)
@given(case=reductions(), seed=seeds)
def test_reduce_max(case: tuple[tuple[int, ...], list[int], bool], seed: int) -> None:
    shape, axes, keep = case
    rng = np.random.default_rng(seed)
    data = random_int8(rng, shape)
    expected = litert(
        "REDUCE_MAX",
        [tensor(shape, 0.1, 3), constant(np.array(axes, np.int32))],
        [tensor(reduced_shape(shape, axes, keep), 0.1, 3)],
        [data],
        keep_dims=keep,
    )
    op = Op("reduce_max", {"axes": axes, "keepdims": keep})
    np.testing.assert_array_equal(reference(op, data), expected)


@examples(300)
@given(
    shape=st.sampled_from([(1, 2), (1, 10), (3, 12), (1, 1001), (1, 4, 5, 7), (6,), (2, 1)]),
    narrow=st.booleans(),
    seed=seeds,
)
def test_softmax(shape: tuple[int, ...], narrow: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = random_scale(rng, 1e-4, 10.0)
    beta = float(np.float32(rng.choice([1.0, 1.0, rng.uniform(0.1, 3.0)])))
    data = random_int8(rng, shape)
    if narrow:
        data = (data // 16).astype(np.int8)
    diff = data.astype(np.float64) - data.max(axis=-1, keepdims=True)
    assume(np.exp(diff * scale * beta).sum(axis=-1).max() < 511)  # LiteRT aborts at 512
    expected = litert("SOFTMAX", [tensor(shape, scale, 5)], [tensor(shape, 1 / 256, -128)], [data], beta=beta)
    np.testing.assert_array_equal(reference(Op("softmax", softmax_attrs(scale, beta)), data), expected)


def test_softmax_beyond_litert() -> None:
    data = np.zeros((1, 600), np.int8)
    assert (reference(Op("softmax", softmax_attrs(0.1)), data) == -128).all()


def test_softmax_refuses_what_aborts_litert() -> None:
    with pytest.raises(UnsupportedError, match="flat"):
        softmax_attrs(1e-9)


@examples(60)
@given(
    shape=st.sampled_from([(1, 10), (1, 5, 6, 4), (3, 1)]),
    axis=st.integers(0, 3),
    output=st.sampled_from(["int32", "int64"]),
    seed=seeds,
)
def test_arg_max_takes_the_first_of_equals(shape: tuple[int, ...], axis: int, output: str, seed: int) -> None:
    axis %= len(shape)
    data = np.random.default_rng(seed).integers(-2, 3, shape).astype(np.int8)
    out_shape = tuple(d for i, d in enumerate(shape) if i != axis)
    expected = litert(
        "ARG_MAX",
        [tensor(shape, 0.1, 0), constant(np.array(axis, np.int32))],
        [tensor(out_shape, dtype=output)],
        [data],
        output_type=output,
    )
    actual = reference(Op("arg_max", {"axis": axis, "dtype": output}), data)
    assert actual.dtype == np.dtype(output)
    np.testing.assert_array_equal(actual, expected)
