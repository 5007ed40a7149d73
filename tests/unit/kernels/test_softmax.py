from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.randoms import int8, scale
from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Operator, Tensor
from tvm_patch.integer import softmax_attrs
from tvm_patch.kernels.softmax import Softmax


def test_random_rows(tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for shape in ((1, 2), (1, 10), (3, 12), (1, 2, 3, 5), (1, 1000), (4, 1)):
        for spread in (0.5, 3.0):
            attrs = softmax_attrs(scale(rng, spread) * 4, float(rng.choice([1.0, 0.5])))
            cases.append(make_case("softmax", [int8(rng, shape)], attrs))
    check(cases, tmp_path)


def test_flat_and_extreme_rows(tmp_path):
    cases = []
    for real in (1e-6, 0.004, 0.1, 0.9):
        for depth in (1, 2, 3, 7, 255, 512, 513, 1500, 4095):
            cases.append(make_case("softmax", [np.full((1, depth), 5, np.int8)], softmax_attrs(real)))
        one = np.full((2, 256), -128, np.int8)
        one[0, 3], one[1] = 127, np.arange(-128, 128)
        cases.append(make_case("softmax", [one], softmax_attrs(real)))
    check(cases, tmp_path)


def test_rows_beyond_the_reference_are_refused():
    view = Tensor("x", (1, 5000))
    op = Operator("softmax", "s", (view,), (view,), {}, softmax_attrs(0.1))
    with pytest.raises(UnsupportedError, match="5000"):
        Softmax(op).function()
