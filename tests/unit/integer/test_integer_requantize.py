"""Fixed-point arithmetic against the definition in exact Python integers and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lone import examples

from tvm_patch.integer import (
    activation_range,
    conv_multipliers,
    float_clip_range,
    fully_connected_multipliers,
    multiply_by_quantized_multiplier,
    multiply_exact,
    quantize_multiplier,
    quantize_multiplier_exact,
)
from tvm_patch.integer.requantize import (
    _like_double,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)

int32s = st.integers(-(2**31), 2**31 - 1)
reals = st.floats(2.0**-40, 2.0**20, allow_nan=False)


def half_away(x: Fraction) -> int:
    return math.copysign(1, x) * math.floor(abs(x) + Fraction(1, 2)) if x else 0


@examples(500)
@given(real=reals)
def test_quantize_multiplier(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    if multiplier == 0:
        assert real < 2.0**-31
        return
    assert 2**30 <= multiplier < 2**31
    assert abs(Fraction(multiplier) * Fraction(2) ** (shift - 31) / Fraction(real) - 1) <= Fraction(1, 2**31)


def test_quantize_multiplier_at_the_edges() -> None:
    assert quantize_multiplier(0.0) == (0, 0)
    assert quantize_multiplier(1.0) == (2**30, 1)
    assert quantize_multiplier(1.0 - 2.0**-40) == (2**30, 1)
    assert quantize_multiplier(2.0**-33) == (0, 0)
    assert quantize_multiplier(-1.0) == (-(2**30), 1)
    assert quantize_multiplier(-1.0 + 2.0**-40) == (-(2**31), 0)
    for wrong in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match="finite"):
            quantize_multiplier(wrong)


@examples(500)
@given(a=int32s, b=int32s)
def test_high_mul(a: int, b: int) -> None:
    expected = min(math.floor(Fraction(a * b, 2**31) + Fraction(1, 2)), 2**31 - 1)
    assert saturating_rounding_doubling_high_mul(a, b) == expected


@examples(500)
@given(x=int32s, exponent=st.integers(0, 31))
def test_rounding_divide_by_pot(x: int, exponent: int) -> None:
    assert rounding_divide_by_pot(x, exponent) == half_away(Fraction(x, 2**exponent))


@examples(300)
@given(acc=st.integers(-(2**24), 2**24), real=st.floats(2.0**-20, 60.0))
def test_multiplication_is_close(acc: int, real: float) -> None:
    scaled = int(multiply_by_quantized_multiplier(acc, *quantize_multiplier(real)))
    assert abs(scaled - acc * real) <= 1 + abs(acc * real) * 2**-30


def test_left_shift_wraps_like_int32() -> None:
    assert multiply_by_quantized_multiplier(2**30, 2**30, 2) == 0


@examples(500)
@given(acc=int32s, real=st.floats(2.0**-40, 2.0**29), sign=st.sampled_from([1, -1]))
def test_exact_multiplication(acc: int, real: float, sign: int) -> None:
    real *= sign
    multiplier, shift = quantize_multiplier_exact(real)
    if multiplier:
        assert Fraction(multiplier) * Fraction(2) ** (shift - 53) == Fraction(real)
    assert multiply_exact(acc, multiplier, shift) == half_away(acc * Fraction(real))


def test_exact_multiplier_edges() -> None:
    assert quantize_multiplier_exact(0.0) == (0, 0)
    assert quantize_multiplier_exact(1.0) == (2**52, 1)
    with pytest.raises(ValueError, match="must be within"):
        quantize_multiplier_exact(2.0**30)


def test_conv_multipliers() -> None:
    multiplier, shift = conv_multipliers(0.5, [0.25], 0.125, 3)
    assert multiplier.dtype == shift.dtype == np.int32
    assert multiplier.tolist() == [2**30] * 3
    assert shift.tolist() == [1] * 3
    with pytest.raises(ValueError, match="2 weight scales for 3"):
        conv_multipliers(0.5, [0.25, 0.5], 0.125, 3)


def test_fully_connected_multipliers() -> None:
    multiplier, shift = fully_connected_multipliers(0.1, [0.2, 0.3], 0.7, 2)
    assert multiplier.dtype == np.int64
    assert shift.dtype == np.int32
    scales = [float(np.float32(v)) for v in (0.1, 0.2, 0.3, 0.7)]
    exact = [scales[0] * scales[1] / scales[3], scales[0] * scales[2] / scales[3]]
    assert [m * 2.0 ** (int(s) - 53) for m, s in zip(multiplier, shift, strict=True)] == exact


def test_fully_connected_multipliers_round_like_doubles() -> None:
    # 1 / 980732 as a double: products barely below a half, which double arithmetic lifts onto it.
    real = 1.019646549720005e-06
    multiplier, shift = fully_connected_multipliers(1.0, [1.0], 1.0, 1)
    assert multiply_exact(5, multiplier, shift) == 5
    plain = quantize_multiplier_exact(real)
    lifted = _like_double(real)
    assert lifted == (plain[0] + 1, plain[1])
    assert _like_double(-real) == (-lifted[0], lifted[1])
    acc = (np.arange(384)[:, None] + 0.5) / real + np.arange(-3, 4)
    acc = acc.astype(np.int64).clip(0, 2**31 - 1)
    product = acc.astype(np.float64) * real
    expected = np.floor(product) + (product - np.floor(product) >= 0.5)
    np.testing.assert_array_equal(multiply_exact(acc, *lifted), expected)
    assert (multiply_exact(acc, *plain) != expected).any()


def test_activation_range() -> None:
    assert activation_range("NONE", 0.1, 3) == (-128, 127)
    assert activation_range("RELU", 0.1, 3) == (3, 127)
    assert activation_range("RELU6", 0.1, 3) == (3, 63)
    assert activation_range("RELU_N1_TO_1", 0.1, 3) == (-7, 13)
    assert activation_range("RELU", 0.1, 130, "uint8") == (130, 255)
    with pytest.raises(ValueError, match="TANH"):
        activation_range("TANH", 0.1, 3)


def test_float_clip_range() -> None:
    assert float_clip_range(None, None, 0.1, 0) == (-128, 127)
    assert float_clip_range(-math.inf, 0.25, 0.1, 0) == (-128, 3)
    # 0.25 / 0.1 is 2.5 in float32 and rounds away from zero on both sides.
    assert float_clip_range(-0.25, 0.25, 0.1, 0) == (-3, 3)
