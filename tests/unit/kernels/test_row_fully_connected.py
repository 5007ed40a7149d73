"""FULLY_CONNECTED that adds up rows: every form of its loop, every number of inputs and outputs, the ends of int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.kernels import geometry, program
from tests.unit.kernels.bands import check_reductions
from tests.unit.kernels.batch import Case, make_case
from tvm_patch.kernels import TensorKernel, kernel_for, reduction_for
from tvm_patch.kernels.c.row_fully_connected import DotRowFullyConnected
from tvm_patch.targets import CORTEX_M4, CORTEX_M7, HOST, TIR

SHAPES = (
    (2, 1, 1),
    (2, 1, 3),
    (3, 1, 4),
    (2, 5, 1),
    (7, 7, 5),
    (3, 4, 8),
    (5, 3, 16),
    (2, 9, 12),
    (4, 1, 26),
)
"""Rows, columns and channels: no whole four a row, one, a few, with and without a rest, more than a loop turns."""
OUTPUTS = (1, 2, 3, 4, 5, 6, 8, 10, 13)


def dense(rng: geometry.Rng, shape: tuple[int, int, int], weight: np.ndarray) -> Case:
    data = geometry.int8(rng, 1, *shape)
    constants = {"weight": weight, **geometry.exact_rescaling(rng, *weight.shape)}
    attrs = {"output_shape": [1, len(weight)], **geometry.zero_points(rng)}
    return make_case("fully_connected", [data], attrs, constants)


def random_cases(seed: int) -> list[Case]:
    rng, cases = np.random.default_rng(seed), []
    for i, shape in enumerate(SHAPES):
        for j in range(3):
            outputs = OUTPUTS[(3 * i + j) % len(OUTPUTS)]
            weight = geometry.int8(rng, outputs, int(np.prod(shape)))
            if j:  # as converters quantize weights: without -128, of which pairs may not fit
                weight = np.maximum(weight, -127)
            cases.append(dense(rng, shape, weight))
    return cases


@pytest.mark.parametrize("machine", program.MACHINES)
def test_random_shapes(machine: program.Machine, tmp_path: Path) -> None:
    cases = random_cases(1)
    joined = {reduction_for(c.op, CORTEX_M4).joined for c in cases}
    groups = {reduction_for(c.op, CORTEX_M7).config["group"] for c in cases}
    assert joined == {False, True}
    assert groups == {2, 4}
    check_reductions(cases, 1, tmp_path, machine)


def end_cases(data: int, value: int) -> list[Case]:
    cases = []
    # Sums of 516 joined inputs fit a row; those of all rows do not; without a bias they are nearly 2**31.
    for rows, columns, channels in ((2, 3, 8), (40, 8, 64), (120, 8, 64), (2, 9, 64), (6, 64, 129)):
        shape = (rows, columns, channels)
        weight = np.full((5, rows * columns * channels), value, np.int8)
        case = dense(np.random.default_rng(rows), shape, weight)
        cases.append(
            make_case(
                "fully_connected", [np.full((1, *shape), data, np.int8)], case.op.attrs, case.op.constants
            )
        )
    return cases


@pytest.mark.parametrize("data", [-128, 127])
@pytest.mark.parametrize("value", [-127, 127])
def test_the_ends_of_int8(data: int, value: int, tmp_path: Path) -> None:
    cases = end_cases(data, value)
    assert [reduction_for(c.op, CORTEX_M4).joined for c in cases] == [True, True, True, False, False]
    check_reductions(cases, 2, tmp_path)


def test_sums_that_wrap(tmp_path: Path) -> None:
    """Biases near the ends of int32: with the zero point folded in, partial sums leave it."""
    rng, cases = np.random.default_rng(3), []
    for sign in (-1, 1):
        weight = (-sign * rng.integers(1, 128, (7, 180))).astype(np.int8)
        case = dense(rng, (3, 5, 12), weight)
        furthest = np.abs(weight.astype(np.int64)).sum(axis=1)
        constants = {**case.op.constants, "bias": (sign * ((1 << 31) - 1 - furthest)).astype(np.int32)}
        data = rng.integers(126, 128, (1, 3, 5, 12)).astype(np.int8)
        attrs = {**case.op.attrs, "input_zero_point": 127}
        cases.append(make_case("fully_connected", [data], attrs, constants))
        assert reduction_for(cases[-1].op, HOST).requantizer.wraps
    check_reductions(cases, 3, tmp_path)


@pytest.mark.parametrize("machine", program.MACHINES)
@pytest.mark.parametrize("unroll", [0, 2, 8])
def test_unrolled(
    unroll: int, machine: program.Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any unrolling, entered anywhere, and no loop at all."""
    usual = DotRowFullyConnected.default_config
    monkeypatch.setattr(
        DotRowFullyConnected, "default_config", staticmethod(lambda op: {**usual(op), "unroll": unroll})
    )
    rng = np.random.default_rng(4)
    cases = [dense(rng, (2, 1, 4 * n), geometry.int8(rng, 6, 8 * n)) for n in range(1, 12)]
    check_reductions(cases, 4, tmp_path, machine)


def test_rows_of_a_batch_and_single_rows_need_the_tensor() -> None:
    rng = np.random.default_rng(5)
    several, single = (
        make_case(
            "fully_connected",
            [geometry.int8(rng, *shape)],
            {"output_shape": [rows, 4], **geometry.zero_points(rng)},
            {"weight": geometry.int8(rng, 4, 8), **geometry.exact_rescaling(rng, 4, 8)},
        )
        for shape, rows in (((1, 3, 3, 8), 9), ((1, 1, 1, 8), 1))
    )
    assert reduction_for(several.op, HOST) is None
    assert reduction_for(single.op, HOST) is None


def test_layers_keep_their_kernels() -> None:
    case = random_cases(6)[4]
    for target in (TIR, HOST):
        assert isinstance(kernel_for(case.op, target), TensorKernel)
        reduction = reduction_for(case.op, target)
        assert reduction is not None
        assert reduction.state_bytes >= 4 * case.op.constants["weight"].shape[0]
        with pytest.raises(ValueError, match="columns of fully_connected"):
            reduction.row_function(dynamic=True)
