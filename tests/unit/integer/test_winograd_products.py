"""Winograd's products of integers: twice the outputs exactly, and a bound that no sum leaves."""

from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.integer.winograd import stays_in_int32, transformed_taps

ENDS = np.array([-128, -127, 127], np.int8)


@pytest.mark.parametrize("values", [ENDS, np.arange(-128, 128).astype(np.int8)], ids=["ends", "all"])
def test_products_make_twice_the_outputs(values):
    rng = np.random.default_rng(3)
    weight, data = rng.choice(values, (5, 3, 3, 8)), rng.choice(values, (3, 4, 8)).astype(np.int64)
    d0, d1, d2, d3 = data.transpose(1, 0, 2)
    inputs = np.stack([d0 - d2, d1 + d2, d2 - d1, d3 - d1])
    taps = transformed_taps(weight)
    assert taps.dtype == np.int16
    m = (taps * inputs[:, None]).sum(axis=(2, 3))
    for column, made in enumerate((m[0] + m[1] + m[2], m[1] - m[2] + m[3])):
        wanted = (weight.astype(np.int64) * data[:, column : column + 3]).sum(axis=(1, 2, 3))
        np.testing.assert_array_equal(made, 2 * wanted)


@pytest.mark.parametrize("tap", [-128, 127])
def test_bound_covers_the_ends(tap):
    """All weights at an end: with inputs that make every product largest, sums come close to the bound."""
    for channels in (64, 1024, 2048, 4096, 16384):
        weight = np.full((2, 3, 3, channels), tap, np.int8)
        taps = np.abs(transformed_taps(weight).astype(np.int64)).sum(axis=(2, 3)).max(axis=1)
        largest = 255 * (taps[0] + taps[2]) + 256 * taps[1]
        assert stays_in_int32(weight) == bool(largest < 1 << 31)


def test_one_filter_that_leaves_int32_is_enough():
    weight = np.ones((3, 3, 3, 16384), np.int8)
    assert stays_in_int32(weight)
    weight[1] = -128
    assert not stays_in_int32(weight)
