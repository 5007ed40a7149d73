from __future__ import annotations

import numpy as np

from tests.unit.kernels.bands import check_rows
from tests.unit.kernels.batch import check, make_case
from tvm_patch.kernels import RowKernel
from tvm_patch.kernels.pad_rows import PadRows


def test_random_widths(tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for i in range(50):
        rank = int(rng.integers(1, 6))
        shape = rng.integers(1, 5, rank)
        width = rng.integers(0, 3, 2 * rank) * (rng.random(2 * rank) < 0.6)
        dtype = ("int8", "uint8", "int32")[i % 3]
        data = rng.integers(0, 100, shape).astype(dtype)
        attrs = {"pad_width": [int(w) for w in width], "pad_value": int(rng.integers(0, 100))}
        cases.append(make_case("pad", [data], attrs))
    cases.append(
        make_case(
            "pad",
            [np.ones((1, 3, 3, 2), np.int8)],
            {"pad_width": [0, 0, 1, 1, 1, 1, 0, 0], "pad_value": -128},
        )
    )
    check(cases, tmp_path)


def test_rows_and_columns_row_by_row(tmp_path):
    rng = np.random.default_rng(3)
    cases = []
    for i, (top, bottom, left, right) in enumerate(
        [(1, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 1), (1, 1, 1, 1), (2, 3, 0, 1), (5, 6, 7, 8)]
    ):
        dtype, low, high = (("int8", -128, 127), ("uint8", 0, 255))[i % 2]
        shape = (1, int(rng.integers(1, 6)), int(rng.integers(1, 8)), int(rng.integers(1, 9)))
        data = rng.integers(low, high + 1, shape).astype(dtype)
        attrs = {
            "pad_width": [0, 0, top, bottom, left, right, 0, 0],
            "pad_value": (low, high, 5)[i % 3],
        }
        cases.append(make_case("pad", [data], attrs))
    assert all(isinstance(c.kernel, PadRows) for c in cases)
    check(cases, tmp_path)
    check_rows(cases, 4, tmp_path)


def test_channels_row_by_row(tmp_path):
    rng = np.random.default_rng(2)
    cases = []
    for before, after in ((0, 4), (3, 0), (2, 5), (0, 0)):
        data = rng.integers(-128, 128, (1, 5, 7, int(rng.integers(1, 9)))).astype(np.int8)
        attrs = {"pad_width": [0] * 6 + [before, after], "pad_value": int(rng.integers(-128, 128))}
        cases.append(make_case("pad", [data], attrs))
    assert all(isinstance(c.kernel, RowKernel) for c in cases)
    check(cases, tmp_path)
    check_rows(cases, 3, tmp_path)
