from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.randoms import int8, scale, zero_point
from tvm_patch.errors import UnsupportedError
from tvm_patch.graph import Operator, Tensor
from tvm_patch.integer import mean_attrs
from tvm_patch.kernels.mean import Mean
from tvm_patch.kernels.mean_columns import MeanColumns


def attrs_of(rng, shape, axes, keepdims):
    count = int(np.prod([shape[a] for a in axes]))
    quantization = mean_attrs(scale(rng), zero_point(rng), scale(rng), zero_point(rng), count)
    return {"axes": list(axes), "keepdims": keepdims, **quantization}


def test_axes_and_shapes(tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for shape in ((1, 5, 6, 8), (1, 7, 7, 5), (2, 3, 4, 6), (1, 20, 20, 4), (1, 1, 1, 9)):
        for axes in ((1, 2), (1,), (2,), (3,), (1, 2, 3), (0, 1, 2, 3), (0, 3)):
            for keepdims in (0, 1):
                cases.append(make_case("mean", [int8(rng, shape)], attrs_of(rng, shape, axes, keepdims)))
    for value in (-128, 127):  # the largest sums
        data = np.full((1, 40, 40, 7), value, np.int8)
        cases.append(make_case("mean", [data], attrs_of(rng, data.shape, (1, 2), 0)))
    check(cases, tmp_path)


def test_unknown_formula_is_refused():
    view = Tensor("x", (1, 2, 2, 1))
    op = Operator("mean", "m", (view,), (view,), {}, {"axes": [1, 2], "keepdims": 1, "formula": "other"})
    with pytest.raises(UnsupportedError, match="formula"):
        Mean(op).function()


def test_columns_row_by_row(tmp_path):
    rng = np.random.default_rng(2)
    shapes = ((1, 5, 6, 8), (1, 3, 28, 7), (1, 2, 1, 4), (1, 2, 300, 5))
    cases = [make_case("mean", [int8(rng, s)], attrs_of(rng, s, (2,), 1)) for s in shapes]
    for value in (-128, 127):  # the largest packed sums
        data = np.full((1, 2, 256, 6), value, np.int8)
        cases.append(make_case("mean", [data], attrs_of(rng, data.shape, (2,), 1)))
    assert all(isinstance(c.kernel, MeanColumns) for c in cases)
    check(cases, tmp_path)
