"""ARG_MAX and REDUCE_MAX."""

from __future__ import annotations

import numpy as np

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.randoms import int8


def test_arg_max(tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for shape in ((1, 10), (2, 3, 4), (1, 4, 5, 6), (7,), (3, 1)):
        for axis in range(len(shape)):
            for dtype in ("int32", "int64"):
                data = int8(rng, shape, -3, 3)  # many equal maxima
                cases.append(make_case("arg_max", [data], {"axis": axis, "dtype": dtype}))
    cases.append(make_case("arg_max", [np.full((1, 5), -128, np.int8)], {"axis": 1, "dtype": "int32"}))
    check(cases, tmp_path)


def test_reduce_max(tmp_path):
    rng = np.random.default_rng(2)
    cases = []
    for shape in ((1, 4, 5, 6), (2, 3, 4, 5)):
        for axes in ((1, 2), (3,), (0,), (1,), (0, 1, 2, 3)):
            for keepdims in (0, 1):
                attrs = {"axes": list(axes), "keepdims": keepdims}
                cases.append(make_case("reduce_max", [int8(rng, shape, -128, 0)], attrs))
    check(cases, tmp_path)
