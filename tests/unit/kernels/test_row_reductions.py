"""Global pools, means and maxima fed with rows and pieces of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.unit.kernels.bands import check_reductions
from tests.unit.kernels.batch import Case, make_case
from tests.unit.kernels.pools import random_pools
from tests.unit.kernels.randoms import int8, scale, zero_point
from tvm_patch.integer import mean_attrs
from tvm_patch.kernels import TensorKernel, kernel_for, reduction_for
from tvm_patch.targets import HOST

SHAPES = ((1, 1), (7, 7), (3, 9), (10, 1), (1, 8), (2, 300))
CHANNELS = (1, 3, 4, 7, 16, 18, 24)


def datas(rng: np.random.Generator) -> list[np.ndarray]:
    """Return inputs of many sizes, also with the largest sums; rows of 300 do not fit packed sums."""
    out = [int8(rng, (1, *hw, CHANNELS[(i + j) % 7])) for i, hw in enumerate(SHAPES) for j in range(2)]
    return [*out, *(np.full((1, 2, 256, 5), v, np.int8) for v in (-128, 127))]


def pool(kind: str, data: np.ndarray, low: int, high: int) -> Case:
    size = list(data.shape[1:3])
    attrs = {"pool_size": size, "strides": size, "padding": [0] * 4, "act_min": low, "act_max": high}
    return make_case(kind, [data], attrs)


def mean(rng: np.random.Generator, data: np.ndarray, axes: list[int], keepdims: int) -> Case:
    count = int(np.prod([data.shape[a] for a in axes]))
    attrs = mean_attrs(scale(rng), zero_point(rng), scale(rng), zero_point(rng), count)
    return make_case("mean", [data], {"axes": axes, "keepdims": keepdims, **attrs})


def test_pools(tmp_path: Path) -> None:
    rng, cases = np.random.default_rng(1), []
    for i, data in enumerate(datas(rng)):
        for kind in ("avg_pool2d", "max_pool2d"):
            cases.append(pool(kind, data, *((-20, 30) if i % 3 == 0 else (-128, 127))))
    check_reductions(cases, 1, tmp_path)


def test_means_and_maxima(tmp_path: Path) -> None:
    rng, cases = np.random.default_rng(2), []
    for i, data in enumerate(datas(rng)):
        axes = [[1, 2], [2, 1], [-3, -2]][i % 3]
        cases.append(mean(rng, data, axes, i % 2))
        cases.append(make_case("reduce_max", [data], {"axes": axes, "keepdims": (i + 1) % 2}))
        cases.append(mean(rng, data[:, :, :1], [1], i % 2))
    check_reductions(cases, 2, tmp_path)


def test_a_pool_reduces_rows_only_if_its_window_is_the_input() -> None:
    for kind in ("avg_pool2d", "max_pool2d"):
        for case in random_pools(kind, 60, seed=3):
            data, attrs = case.op.inputs[0].shape, case.op.attrs
            whole = data[0] == 1 and attrs["pool_size"] == list(data[1:3]) and not any(attrs["padding"])
            assert (reduction_for(case.op, HOST) is not None) == whole


def test_other_reductions_need_the_tensor() -> None:
    rng = np.random.default_rng(4)
    data = int8(rng, (2, 3, 4, 5))
    others = [mean(rng, data[:1], axes, 1) for axes in ([1], [2], [3], [1, 2, 3])]
    others += [
        mean(rng, data, [1, 2], 1),
        make_case("reduce_max", [data[:1, 0]], {"axes": [1, 2], "keepdims": 0}),
    ]
    assert all(reduction_for(c.op, HOST) is None for c in others)


def test_layers_keep_their_kernels() -> None:
    case = mean(np.random.default_rng(5), int8(np.random.default_rng(6), (1, 3, 4, 5)), [1, 2], 1)
    reduction = reduction_for(case.op, HOST)
    assert isinstance(kernel_for(case.op, HOST), TensorKernel)
    assert reduction is not None
    assert reduction.state_bytes == 20
