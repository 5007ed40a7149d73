"""Groups of channels that are rescaled in another way than the rest: the reference's steps in every one."""

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
from tvm_patch.integer.fit_groups import GroupSteps, fit_groups
from tvm_patch.integer.fit_steps import fit_steps
from tvm_patch.integer.staircase import Staircase, staircase_of_pairs

SIZE = 4
FINE = {"bias": 100_077, "multiplier": 1_387_518_323, "shift": -9, "low": 6381, "high": 193_041}
"""A channel of MCUNet's person detector, beside one with shift 0."""


def layer_of(channels: int, steep: tuple[int, ...], fine: tuple[int, ...] = (1,)) -> dict[str, np.ndarray]:
    layer = {name: values.copy() for name, values in random_layer(5, channels, ALIKE).items()}
    layer["shift"][list(steep)] = 0
    for name, value in FINE.items():
        layer[name][list(fine)] = value
    return layer


def stairs_of(layer: dict[str, np.ndarray]) -> Staircase:
    stairs = staircase_of_pairs(zero_point=-128, act=(-128, 127), **of_pairs(layer))
    assert stairs is not None
    return stairs


def numbers_of(layer: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    return layer["bias"], layer["multiplier"], layer["shift"], -128


def assert_exact(made: GroupSteps, layer: dict[str, np.ndarray]) -> None:
    acc = every_accumulator(layer, np.random.default_rng(3))
    want = reference(acc, layer, -128, (-128, 127))
    for channels, form in made.groups():
        np.testing.assert_array_equal(form.apply(acc)[:, channels], want[:, channels])


def test_one_form_where_one_suits_all() -> None:
    layer = random_layer(5, reaches=ALIKE)
    made = fit_groups(stairs_of(layer), *numbers_of(layer), SIZE)
    assert made is not None
    assert made.of_group == (0,) * 6
    assert [run[:2] for run in made.runs()] == [(0, 6)]
    assert_exact(made, layer)


@pytest.mark.parametrize(
    ("channels", "steep", "of_group"),
    [
        (24, (8,), (0, 0, 1, 0, 0, 0)),
        (24, (23,), (0, 0, 0, 0, 0, 1)),
        (24, (9, 20), (0, 0, 1, 0, 0, 1)),
        # The last four overlap: channel 22 is in both.
        (25, (22,), (0, 0, 0, 0, 0, 1, 1)),
    ],
)
def test_steep_channels_go_another_way(
    channels: int, steep: tuple[int, ...], of_group: tuple[int, ...]
) -> None:
    layer = layer_of(channels, steep)
    assert fit_steps(stairs_of(layer), *numbers_of(layer)) is None
    made = fit_groups(stairs_of(layer), *numbers_of(layer), SIZE)
    assert made is not None
    assert made.of_group == of_group
    assert not made.usual.raised
    assert_exact(made, layer)


def test_a_group_that_is_steep_and_fine_has_no_form() -> None:
    layer = layer_of(24, steep=(2,), fine=(1,))
    assert fit_groups(stairs_of(layer), *numbers_of(layer), SIZE) is None


def test_runs_are_neighbours_of_one_form() -> None:
    layer = layer_of(24, steep=(8,))
    made = fit_groups(stairs_of(layer), *numbers_of(layer), SIZE)
    assert made is not None
    assert [(first, count, form is made.usual) for first, count, form in made.runs()] == [
        (0, 2, True),
        (2, 1, False),
        (3, 3, True),
    ]
