"""Joined weights: what SMLAD and SXTB16 make of them, where they fit, and every form of the dense loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import batch, geometry, program
from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels import Kernel
from tvm_patch.kernels.c.arm.dot_steps_joined import FOLD
from tvm_patch.kernels.c.conv2d_dot import DotConv2d
from tvm_patch.kernels.c.fully_connected_dot import DotFullyConnected
from tvm_patch.kernels.c.joined import fits_joined, joined_steps, joined_words, pairs_fit


def halves(words: np.ndarray) -> np.ndarray:
    """Return the two int16 of int32 words, the lower one first."""
    return np.ascontiguousarray(words, "<i4").view("<i2").astype(np.int64)


def sums_of(inputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return what the loop makes of int8 inputs, shape (inputs,), for every output, modulo 2**32."""
    word = inputs.view("<i4")
    even = inputs[[0, 2]] if inputs.size == 4 else inputs.reshape(-1, 4)[:, [0, 2]].ravel()
    joined = halves(joined_words(weights))
    odd = (joined & 255) - ((joined & 128) << 1)
    total = joined @ even.astype(np.int64) + odd @ halves(word ^ FOLD)
    return ((total + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def usual_steps(outputs: int, bias: int = 0) -> StepRequantizer:
    """Return some rescaling."""
    zeros = np.zeros(outputs, np.int64)
    return StepRequantizer(False, zeros, zeros + bias, zeros + (1 << 30), zeros, 3, 0, 0, zeros > 0)


@pytest.mark.parametrize("seed", range(20))
def test_sums_are_the_dot_products(seed: int) -> None:
    """The bias takes back what joined weights add, at both ends of int8 as well."""
    rng = np.random.default_rng(seed)
    inputs = rng.choice(np.array([-128, -127, -1, 0, 1, 127], np.int8), 64)
    weights = rng.integers(-127, 128, (9, 64)).astype(np.int8)
    if seed % 2:
        weights = rng.choice(np.array([-127, 127], np.int8), (9, 64))
    steps = usual_steps(9)
    assert fits_joined(weights, steps)
    made = (sums_of(inputs, weights) >> 8) + joined_steps(weights, steps).bias
    np.testing.assert_array_equal(made, weights.astype(np.int64) @ inputs.astype(np.int64))


def test_pairs_beyond_int16() -> None:
    assert pairs_fit(np.array([[-128, 0, 127, 127]], np.int8))
    assert not pairs_fit(np.array([[-128, -1, 0, 0]], np.int8))


@pytest.mark.parametrize(("inputs", "fits"), [(512, True), (520, False)])
def test_sums_beyond_int32(inputs: int, fits: bool) -> None:
    """127 * 128 * 256 leaves room for 516 inputs."""
    assert fits_joined(np.full((2, inputs), 127, np.int8), usual_steps(2)) == fits


def test_biases_beyond_their_words() -> None:
    weights = np.full((1, 256), -127, np.int8)
    most = (1 << 21) - 1
    assert fits_joined(weights, usual_steps(1, -most))
    assert not fits_joined(weights, usual_steps(1, most))


FORMS = [(False, False), (True, False), (True, True)]
"""Weights joined or not; sums rescaled by a line or not."""


def form_of(case: batch.Case) -> tuple[bool, bool]:
    """Return the form of a case's loop."""
    stream = case.kernel.stream
    return stream.joined, stream.rescaling((-128, 127)).line


def single_issue(make: Callable[[geometry.Rng], batch.Case], kind: type[Kernel]) -> list[batch.Case]:
    """Return random operators with the kernel that a Cortex-M4 has for them."""
    cases = [c for c in geometry.batch_of(make, 71, 150) if type(c.kernel) is kind]
    for case in cases:
        case.kernel = kind(case.op)
    return cases


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("form", FORMS)
def test_forms(form: tuple[bool, bool], machine: program.Machine, tmp_path: Path) -> None:
    """Every form, in tiles of one pixel to three, read directly or not, gives the same bits."""
    chosen = []
    for make, kind in (
        (geometry.pointwise, DotConv2d),
        (geometry.conv2d, DotConv2d),
        (geometry.fully_connected, DotFullyConnected),
    ):
        cases = [c for c in single_issue(make, kind) if form_of(c) == form]
        assert cases, make.__name__
        chosen += cases[:12]
    assert len(chosen) >= 15
    for i, case in enumerate(chosen):
        configs = [c for c in case.kernel.candidates() if not c["dual"] and c["unroll"] in (0, 2)]
        case.kernel = type(case.kernel)(case.op, configs[i % len(configs)])
    batch.check(chosen, tmp_path, machine)


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("value", [-127, 127])
@pytest.mark.parametrize("data", [-128, 127])
def test_the_ends_of_int8(data: int, value: int, machine: program.Machine, tmp_path: Path) -> None:
    """All inputs and all weights at an end: the largest sums."""
    rng = np.random.default_rng(5)
    cases = []
    for zero_point in (-128, 3):
        weight = np.full((6, 1, 1, 192), value, np.int8)
        weight[1:] = rng.choice(np.array([-127, 127], np.int8), weight[1:].shape)
        sums = np.abs(weight.astype(np.int64).sum(axis=(1, 2, 3))) * 128
        constants = {
            "weight": weight,
            "bias": np.where(np.arange(6) % 2, 1000, -sums // 4).astype(np.int32),
            "multiplier": rng.integers(1 << 30, 1 << 31, 6).astype(np.int32),
            "shift": np.full(6, -13, np.int32),
        }
        attrs = {
            "strides": [1, 1], "dilation": [1, 1], "padding": [0, 0, 0, 0], "act_min": -128, "act_max": 127,
            "input_zero_point": 0, "output_zero_point": zero_point,
        }  # fmt: skip
        case = batch.make_case("conv2d", [np.full((1, 1, 5, 192), data, np.int8)], attrs, constants)
        case.kernel = DotConv2d(case.op).within(4096)
        assert form_of(case) == (True, zero_point == -128)
        assert case.kernel.config["pixels"] == 3
        cases.append(case)
    batch.check(cases, tmp_path, machine)
