"""PositiveMultipliers: IR before and after, and the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from relay_passes.dialect import build_call
from relay_passes.positive_multipliers import PositiveMultipliers
from relay_passes.straight_line import constant
from tests.unit.relay_passes.builders import assert_same, module, var
from tests.unit.relay_passes.models import outputs_of

DATA = (1, 5, 6, 4)
KINDS = {"conv2d": (4, 3, 3, 4), "depthwise_conv2d": (1, 3, 3, 4), "fully_connected": (4, 120)}
NEGATIVE = np.array([False, True, False, True])


def weights(kind: str, *, least: int = -127) -> np.ndarray:
    return np.random.default_rng(3).integers(least, 128, KINDS[kind]).astype(np.int8)


def network(kind: str, weight: np.ndarray, bias: np.ndarray, multiplier: np.ndarray) -> Any:
    """A module of one operator."""
    shift = np.full(4, -7, np.int32)
    attrs: dict[str, Any] = {"input_zero_point": -3, "output_zero_point": 9, "act_min": -128, "act_max": 127}
    if kind == "fully_connected":
        attrs["output_shape"] = [1, 4]
    else:
        attrs |= {"strides": [1, 1], "padding": [1, 1, 1, 1], "dilation": [1, 1]}
    data = var("x", DATA)
    literals = [constant(v) for v in (weight, bias, multiplier, shift)]
    return module([data], lambda f: [f.emit(build_call(kind, [data, *literals], **attrs), "out", True)])


def turned(kind: str, weight: np.ndarray) -> np.ndarray:
    sign = np.where(NEGATIVE, -1, 1)
    along = sign if kind == "depthwise_conv2d" else sign.reshape(4, *[1] * (weight.ndim - 1))
    return (weight * along).astype(np.int8)


def multipliers(kind: str) -> np.ndarray:
    value = np.array([3, 5, 6, 7]) << (50 if kind == "fully_connected" else 28)
    return np.where(NEGATIVE, -value, value).astype(np.int64 if kind == "fully_connected" else np.int32)


BIAS = np.array([100, -200, 300, 400], np.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_filters_are_turned_round(kind: str) -> None:
    weight, multiplier = weights(kind), multipliers(kind)
    before = network(kind, weight, BIAS, multiplier)
    bias = np.where(NEGATIVE, -BIAS, BIAS).astype(np.int32)
    after = network(kind, turned(kind, weight), bias, np.abs(multiplier))
    assert_same(PositiveMultipliers()(before), after)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_the_same_bits(kind: str) -> None:
    before = network(kind, weights(kind), BIAS, multipliers(kind))
    after = PositiveMultipliers()(before)
    rng = np.random.default_rng(8)
    for data in (rng.integers(-128, 128, DATA), np.full(DATA, -128), np.full(DATA, 127)):
        for got, want in zip(
            outputs_of(after, [data.astype(np.int8)]),
            outputs_of(before, [data.astype(np.int8)]),
            strict=True,
        ):
            np.testing.assert_array_equal(got, want)


def test_what_cannot_be_negated_stays() -> None:
    """A weight of -128, a bias that leaves int32, a multiplier that does."""
    weight = weights("conv2d")
    weight[1, 0, 0, 0] = -128
    least = np.full(4, -(1 << 31), np.int32)
    for before in (
        network("conv2d", weight, BIAS, np.where(np.arange(4) == 1, -5 << 28, 5 << 28).astype(np.int32)),
        network("conv2d", weights("conv2d"), least, multipliers("conv2d")),
        network("conv2d", weights("conv2d"), BIAS, least),
    ):
        assert_same(PositiveMultipliers()(before), before)
