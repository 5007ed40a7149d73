"""Rescaling sums times 256 by a line: the same steps as TFLite's, on every accumulator."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.integer.test_step_requantize import (
    ALIKE,
    every_accumulator,
    of_pairs,
    random_layer,
    reference,
)
from tvm_patch.integer.line import fit_line
from tvm_patch.integer.requantize import multiply_exact
from tvm_patch.integer.staircase import staircase_of_doubles, staircase_of_pairs

REACHES = [(1 << 8, 1 << 18), ALIKE, (1 << 18, 1 << 21)]
ACTS = [(-128, 127), (-100, 90), (3, 127)]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("zero_point", [-128, 127])
@pytest.mark.parametrize("reaches", REACHES)
@pytest.mark.parametrize("seed", range(3))
def test_equals_two_roundings(
    seed: int, reaches: tuple[int, int], zero_point: int, act: tuple[int, int]
) -> None:
    """Where outputs lie on one side of the zero point there is a line."""
    layer = random_layer(seed, reaches=reaches)
    stairs = staircase_of_pairs(zero_point=zero_point, act=act, **of_pairs(layer))
    assert stairs is not None
    made = fit_line(stairs, layer["bias"], layer["multiplier"], layer["shift"])
    assert made is not None
    assert made.idle.any()
    acc = every_accumulator(layer, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.clip(made.apply(acc), *act), reference(acc, layer, zero_point, act))
    assert np.abs(made.sums(acc)).max() < 1 << 31


@pytest.mark.parametrize("zero_point", [-5, 0, 37])
def test_no_line_rounds_away_from_zero_on_both_sides(zero_point: int) -> None:
    layer = random_layer(3)
    stairs = staircase_of_pairs(zero_point=zero_point, act=(-128, 127), **of_pairs(layer))
    assert stairs is not None
    assert fit_line(stairs, layer["bias"], layer["multiplier"], layer["shift"]) is None


@pytest.mark.parametrize("zero_point", [-128, 0, 127])
@pytest.mark.parametrize("act", ACTS)
def test_equals_one_exact_rounding(zero_point: int, act: tuple[int, int]) -> None:
    layer = random_layer(5, reaches=ALIKE)
    numbers = {**of_pairs(layer), "multiplier": layer["multiplier"] << 22}
    stairs = staircase_of_doubles(zero_point=zero_point, act=act, **numbers)
    assert stairs is not None
    made = fit_line(stairs, layer["bias"], layer["multiplier"], layer["shift"])
    assert made is not None
    acc = every_accumulator(layer, np.random.default_rng(5))
    exact = multiply_exact(acc, numbers["multiplier"], layer["shift"]) + zero_point
    np.testing.assert_array_equal(np.clip(made.apply(acc), *act), np.clip(exact, *act))


def test_accumulators_that_times_256_leave_int32_have_none() -> None:
    layer = random_layer(1, reaches=(1 << 23, 1 << 24))
    stairs = staircase_of_pairs(zero_point=-128, act=(-128, 127), **of_pairs(layer))
    assert stairs is not None
    assert fit_line(stairs, layer["bias"], layer["multiplier"], layer["shift"]) is None
