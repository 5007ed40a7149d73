from __future__ import annotations

import numpy as np

from tests.unit.kernels.batch import check, make_case


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
