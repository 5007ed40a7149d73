from __future__ import annotations

import numpy as np

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.randoms import int8, scale, zero_point
from tvm_patch.integer import prelu_attrs


def test_shapes_of_alpha(tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for shape, alpha in (
        ((1, 4, 5, 6), (1, 1, 6)),
        ((1, 4, 5, 6), (1, 1, 1, 6)),
        ((1, 4, 5, 6), (1,)),
        ((1, 4, 5, 6), (4, 5, 6)),
        ((2, 4, 5, 6), (1, 1, 6)),
        ((3, 8), (8,)),
    ):
        for fine in (1e-4, 1.0):
            attrs = prelu_attrs(
                scale(rng), zero_point(rng), scale(rng), zero_point(rng), scale(rng) * fine, zero_point(rng)
            )
            cases.append(make_case("prelu", [int8(rng, shape)], attrs, {"alpha": int8(rng, alpha)}))
    check(cases, tmp_path)
