from __future__ import annotations

import numpy as np

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.randoms import int8
from tests.unit.kernels.test_add import SHAPES


def test_maximum_and_minimum(tmp_path):
    rng = np.random.default_rng(1)
    cases = [
        make_case(kind, [int8(rng, lhs), int8(rng, rhs)])
        for lhs, rhs in SHAPES
        for kind in ("maximum", "minimum")
    ]
    cases.append(make_case("minimum", [int8(rng, (1, 4, 4, 3))], {}, {"rhs": int8(rng, (1, 1, 1, 1))}))
    check(cases, tmp_path)
