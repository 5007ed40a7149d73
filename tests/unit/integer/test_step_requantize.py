"""Rescaling in two instructions: the same steps as TFLite's, on every accumulator."""

from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.integer.fit_steps import fit_steps
from tvm_patch.integer.requantize import multiply_by_quantized_multiplier, multiply_exact
from tvm_patch.integer.staircase import (
    staircase_of_doubles,
    staircase_of_pairs,
)

Int64 = np.int64
ALIKE = (1 << 14, 1 << 16)
"""Reaches of channels whose scales differ by no more than most layers' do: one straight line is found for each."""


def random_layer(
    seed: int, channels: int = 24, reaches: tuple[int, int] = (1 << 8, 1 << 18)
) -> dict[str, np.ndarray]:
    """Return multipliers, shifts and bounds as networks have them."""
    rng = np.random.default_rng(seed)
    reach = rng.integers(*reaches, channels)
    shift = -np.clip(np.log2(reach / rng.integers(20, 300, channels)).astype(Int64), 1, 12)
    multiplier = rng.integers(1 << 30, 1 << 31, channels)
    multiplier[rng.integers(channels)] = 0
    return {
        "bias": rng.integers(-(reach >> 2), (reach >> 2) + 1),
        "multiplier": multiplier,
        "shift": shift,
        "low": -reach,
        "high": reach + rng.integers(0, 9, channels),
    }


def of_pairs(layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the staircase depends on."""
    return {name: values for name, values in layer.items() if name != "bias"}


def reference(
    acc: np.ndarray, layer: dict[str, np.ndarray], zero_point: int, act: tuple[int, int]
) -> np.ndarray:
    value = multiply_by_quantized_multiplier(acc, layer["multiplier"], layer["shift"]).astype(Int64)
    return np.clip(value + zero_point, *act)


def every_accumulator(layer: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return many accumulators of every channel, the ends among them."""
    low, high = layer["low"], layer["high"]
    inside = rng.integers(low, high + 1, (20_000, low.size))
    return np.concatenate([low[None], high[None], np.clip(np.arange(-600, 600)[:, None], low, high), inside])


@pytest.mark.parametrize("act", [(-128, 127), (-100, 90), (3, 127)])
@pytest.mark.parametrize("zero_point", [-128, -5, 0, 37, 127])
@pytest.mark.parametrize("seed", range(4))
def test_equals_two_roundings(seed: int, zero_point: int, act: tuple[int, int]) -> None:
    layer = random_layer(seed)
    stairs = staircase_of_pairs(zero_point=zero_point, act=act, **of_pairs(layer))
    assert stairs is not None
    made = fit_steps(stairs, layer["bias"], layer["multiplier"], layer["shift"], zero_point)
    assert made is not None
    acc = every_accumulator(layer, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.clip(made.apply(acc), *act), reference(acc, layer, zero_point, act))


def test_relu_needs_two_instructions_only() -> None:
    """Nothing below the zero point occurs, so no half is rounded towards minus infinity."""
    layer = random_layer(7, reaches=ALIKE)
    stairs = staircase_of_pairs(zero_point=-128, act=(-128, 127), **of_pairs(layer))
    assert stairs is not None
    made = fit_steps(stairs, layer["bias"], layer["multiplier"], layer["shift"], -128)
    assert made is not None
    assert not made.signed


def test_staircase_is_where_the_reference_steps() -> None:
    layer = random_layer(3, channels=5)
    stairs = staircase_of_pairs(zero_point=4, act=(-128, 127), **of_pairs(layer))
    assert stairs is not None
    inside = (stairs.first > layer["low"]) & (stairs.first <= layer["high"])
    assert inside.any()
    level = np.broadcast_to(stairs.levels[:, None], inside.shape)[inside]

    def at(acc: np.ndarray) -> np.ndarray:
        return reference(acc, layer, 4, (-128, 127))[inside]

    assert (at(np.clip(stairs.first, layer["low"], layer["high"])) >= level).all()
    assert (at(np.clip(stairs.first - 1, layer["low"], layer["high"])) < level).all()


@pytest.mark.parametrize("seed", range(4))
def test_equals_one_exact_rounding(seed: int) -> None:
    """FULLY_CONNECTED's doubles."""
    layer = random_layer(seed, channels=10, reaches=ALIKE)
    rng = np.random.default_rng(seed)
    multiplier = (layer["multiplier"] << 22) + rng.integers(0, 1 << 22, 10) * (layer["multiplier"] > 0)
    stairs = staircase_of_doubles(multiplier, layer["shift"], 11, (-128, 127), layer["low"], layer["high"])
    assert stairs is not None
    made = fit_steps(stairs, layer["bias"], layer["multiplier"], layer["shift"], 11, twice=False)
    assert made is not None
    acc = every_accumulator(layer, rng)
    want = np.clip(multiply_exact(acc, multiplier, layer["shift"]) + 11, -128, 127)
    np.testing.assert_array_equal(made.apply(acc), want)


def test_biases_of_millions_take_the_signed_form() -> None:
    """They do not fit above ten bits, but above the byte of a shift; beyond 24 bits there is no form."""
    layer = random_layer(7, reaches=ALIKE)
    stairs = staircase_of_pairs(zero_point=-128, act=(-128, 127), **of_pairs(layer))
    assert stairs is not None

    def fitted(bias: int):
        changed = np.where(np.arange(24) == 5, bias, layer["bias"])
        return fit_steps(stairs, changed, layer["multiplier"], layer["shift"], -128)

    assert not fitted(1 << 20).signed
    made = fitted(3 << 20)
    assert made.signed
    acc = every_accumulator(layer, np.random.default_rng(7))
    np.testing.assert_array_equal(made.apply(acc), reference(acc, layer, -128, (-128, 127)))
    assert fitted(1 << 23) is None


@pytest.mark.parametrize("zero_point", [-128, -5])
@pytest.mark.parametrize("shift", [1, 0, -1, -2])
def test_one_steep_channel_raises_the_layer(shift: int, zero_point: int) -> None:
    """Slopes of a half and more, shifts to the left among them: one instruction more, the others' steps as well."""
    layer = random_layer(5, reaches=ALIKE)
    steep = {**layer, "shift": np.where(np.arange(24) == 5, shift, layer["shift"])}
    stairs = staircase_of_pairs(zero_point=zero_point, act=(zero_point, 127), **of_pairs(steep))
    assert stairs is not None
    made = fit_steps(stairs, steep["bias"], steep["multiplier"], steep["shift"], zero_point)
    assert made is not None
    assert made.raised == 4 + shift
    acc = every_accumulator(steep, np.random.default_rng(5))
    want = reference(acc, steep, zero_point, (zero_point, 127))
    np.testing.assert_array_equal(np.maximum(made.apply(acc), zero_point), want)


def test_a_shift_to_the_left_that_may_wrap_has_no_staircase() -> None:
    layer = random_layer(1)
    wide = {
        **layer,
        "shift": np.where(np.arange(24) == 5, 1, layer["shift"]),
        "high": np.where(np.arange(24) == 5, 1 << 30, layer["high"]),
    }
    assert staircase_of_pairs(zero_point=0, act=(-128, 127), **of_pairs(wide)) is None


def test_negative_multipliers_have_no_staircase() -> None:
    layer = random_layer(1)
    changed = {**layer, "multiplier": np.where(np.arange(24) == 5, -(1 << 30), layer["multiplier"])}
    assert staircase_of_pairs(zero_point=0, act=(-128, 127), **of_pairs(changed)) is None
