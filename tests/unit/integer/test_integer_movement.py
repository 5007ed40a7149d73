"""Resizes and data movement against BUILTIN_REF, bit for bit."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lone import (
    Op,
    constant,
    examples,
    litert,
    lone_model,
    random_int8,
    reference,
    seeds,
    tensor,
)

from relay_passes.dialect import evaluate
from tvm_patch.errors import UnsupportedError
from tvm_patch.integer.resize import bilinear_coordinates, bilinear_line, nearest_indices, nearest_line
from tvm_patch.oracle import run_oracle

SCALE = 0.1, 7


def int32(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


@examples(300)
@given(
    kind=st.sampled_from(["resize_nearest", "resize_bilinear"]),
    size=st.tuples(st.integers(1, 17), st.integers(1, 17)),
    to=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from([(False, False), (True, False), (False, True)]),
    seed=seeds,
)
def test_resize(
    kind: str, size: tuple[int, int], to: tuple[int, int], mode: tuple[bool, bool], seed: int
) -> None:
    data = random_int8(np.random.default_rng(seed), (1, *size, 3))
    options = {"align_corners": mode[0], "half_pixel_centers": mode[1]}
    expected = litert(
        {"resize_nearest": "RESIZE_NEAREST_NEIGHBOR", "resize_bilinear": "RESIZE_BILINEAR"}[kind],
        [tensor(data.shape, *SCALE), constant(int32(*to))],
        [tensor((1, *to, 3), *SCALE)],
        [data],
        **options,
    )
    op = Op(kind, {"size": list(to), **options})
    np.testing.assert_array_equal(reference(op, data), expected)


def test_bilinear_refuses_to_read_outside() -> None:
    with pytest.raises(UnsupportedError, match="outside its input"):
        bilinear_coordinates(3, 2000, False, False)


SIZES = (*range(1, 25), 28, 40, 48, 56, 96, 112, 160, 224)
FLAGS = ((False, False), (True, False), (False, True))


@pytest.mark.parametrize("flags", FLAGS)
def test_rows_of_nearest_lie_on_a_line(flags: tuple[bool, bool]) -> None:
    """By whole factors always, between other sizes nearly so."""
    lines = {pair: nearest_line(*pair, *flags) for pair in product(SIZES, SIZES)}
    for (size, to), line in lines.items():
        if line is None:
            assert size % to
            assert to % size
        else:
            np.testing.assert_array_equal(line.indices(to), nearest_indices(size, to, *flags))
    assert sum(line is None for line in lines.values()) < len(lines) / 100


@pytest.mark.parametrize("flags", FLAGS)
def test_rows_of_bilinear_lie_on_a_line(flags: tuple[bool, bool]) -> None:
    """What lies between a row outside and one inside is the one inside, whatever the weights say."""
    compared = 0
    for size, to in product(SIZES, SIZES):
        try:
            lower, upper, weight = bilinear_coordinates(size, to, *flags)
        except UnsupportedError:  # TFLite's own would read outside
            continue
        compared += 1
        step, offset = bilinear_line(size, to, *flags)
        position = np.arange(to) * step + offset
        first, part = position >> 10, position & 1023
        np.testing.assert_array_equal(np.clip(first, 0, size - 1), lower)
        between = lower < upper
        np.testing.assert_array_equal(np.clip(first + 1, 0, size - 1)[between], upper[between])
        np.testing.assert_array_equal(part[between], weight[between])
        alone = ~between & (first >= 0) & (first + 1 < size)
        assert not part[alone].any()
    assert compared > len(SIZES) ** 2 * 0.8


def test_pad() -> None:
    data = np.arange(24, dtype=np.int8).reshape(1, 2, 4, 3)
    width = [0, 0, 1, 2, 0, 3, 1, 0]
    pairs = np.array(width, np.int32).reshape(4, 2)
    expected = litert(
        "PAD", [tensor(data.shape, *SCALE), constant(pairs)], [tensor((1, 5, 7, 4), *SCALE)], [data]
    )
    op = Op("pad", {"pad_width": width, "pad_value": SCALE[1]})
    np.testing.assert_array_equal(reference(op, data), expected)


@pytest.mark.parametrize("axes", [[0, 2, 1, 3], [0, 3, 1, 2], [3, 2, 1, 0]])
def test_permute_dims(axes: list[int]) -> None:
    data = np.arange(30, dtype=np.int8).reshape(1, 2, 5, 3)
    shape = [data.shape[a] for a in axes]
    expected = litert(
        "TRANSPOSE", [tensor(data.shape, *SCALE), constant(int32(*axes))], [tensor(shape, *SCALE)], [data]
    )
    np.testing.assert_array_equal(reference(Op("permute_dims", {"axes": axes}), data), expected)
    reverse = reference(Op("permute_dims", {"axes": None}), data)
    np.testing.assert_array_equal(reverse, data.transpose())


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concat(axis: int) -> None:
    rng = np.random.default_rng(axis)
    shapes = [[1, 3, 4, 2] for _ in range(3)]
    for i, s in enumerate(shapes):
        s[axis] = i + 1
    data = [random_int8(rng, s) for s in shapes]
    out = [1, 3, 4, 2]
    out[axis] = 6
    expected = litert(
        "CONCATENATION",
        [tensor(s, *SCALE) for s in shapes],
        [tensor(out, *SCALE)],
        data,
        axis=axis,
        fused_activation_function="NONE",
    )
    np.testing.assert_array_equal(reference(Op("concat", {"axis": axis}), *data), expected)


def test_split() -> None:
    data = np.arange(48, dtype=np.int8).reshape(1, 4, 2, 6)
    outputs = [tensor((1, 4, 2, 2), *SCALE) for _ in range(3)]
    model = lone_model(
        "SPLIT", [constant(np.array(3, np.int32)), tensor(data.shape, *SCALE)], outputs, num_splits=3
    )
    expected = run_oracle(model, [data]).outputs
    for where in (3, [2, 4]):
        actual = evaluate(Op("split", {"axis": 3, "indices_or_sections": where}), [data])
        for a, e in zip(actual, expected, strict=True):
            np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize(
    ("begin", "end", "strides"),
    [((0, 1, 0, 0), (1, 5, 4, 3), (1, 2, 1, 1)), ((0, 0, 3, 0), (1, 5, 1, 3), (1, 1, -1, 2))],
)
def test_strided_slice(begin: tuple[int, ...], end: tuple[int, ...], strides: tuple[int, ...]) -> None:
    data = np.arange(60, dtype=np.int8).reshape(1, 5, 4, 3)
    shape = data[tuple(slice(*s) for s in zip(begin, end, strides, strict=True))].shape
    operands = [tensor(data.shape, *SCALE)] + [constant(int32(*v)) for v in (begin, end, strides)]
    expected = litert("STRIDED_SLICE", operands, [tensor(shape, *SCALE)], [data])
    attrs = {"axes": [0, 1, 2, 3], "begin": begin, "end": end, "strides": strides}
    np.testing.assert_array_equal(reference(Op("strided_slice", attrs), data), expected)


def test_strided_slice_down_to_the_first_element() -> None:
    data = np.arange(5, dtype=np.int8)
    attrs = {"axes": [0], "begin": [4], "end": [-6], "strides": [-1]}
    np.testing.assert_array_equal(reference(Op("strided_slice", attrs), data), data[::-1])


def test_take() -> None:
    data = np.arange(24, dtype=np.int8).reshape(1, 4, 6)
    expected = litert(
        "GATHER",
        [tensor(data.shape, *SCALE), constant(int32(3, 0, 3))],
        [tensor((1, 3, 6), *SCALE)],
        [data],
        axis=1,
    )
    op = Op("take", {"axis": 1}, {"indices": int32(3, 0, 3)})
    np.testing.assert_array_equal(reference(op, data), expected)


def test_tile() -> None:
    data = np.arange(6, dtype=np.int8).reshape(1, 2, 3)
    expected = litert(
        "TILE", [tensor(data.shape, *SCALE), constant(int32(1, 3, 2))], [tensor((1, 6, 6), *SCALE)], [data]
    )
    np.testing.assert_array_equal(reference(Op("tile", {"repeats": [1, 3, 2]}), data), expected)


def test_reshape() -> None:
    data = np.arange(6, dtype=np.int8).reshape(1, 2, 3)
    actual = reference(Op("reshape", outputs=[(3, 2)]), data)
    np.testing.assert_array_equal(actual, data.reshape(3, 2))


def test_wrong_number_of_inputs() -> None:
    with pytest.raises(ValueError, match="got 1 inputs"):
        evaluate(Op("add"), [np.zeros(1, np.int8)])
