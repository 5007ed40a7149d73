"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.kernels.batch import check, make_case
from tests.unit.kernels.randoms import int8

FLAGS = ((False, False), (True, False), (False, True))


@pytest.mark.parametrize("kind", ["resize_nearest", "resize_bilinear"])
def test_random_sizes(kind, tmp_path):
    rng = np.random.default_rng(1)
    cases = []
    for i in range(45):
        align, half = FLAGS[i % 3]
        height, width = (int(n) for n in rng.integers(1, 9, 2))
        size = [2 * height, 3 * width] if i % 4 == 0 else [int(n) for n in rng.integers(1, 17, 2)]
        data = int8(rng, (1 + (i % 5 == 0), height, width, int(rng.integers(1, 6))))
        attrs = {"size": size, "align_corners": align, "half_pixel_centers": half}
        cases.append(make_case(kind, [data], attrs))
    check(cases, tmp_path)


def test_integer_factors_need_no_tables():
    data = np.zeros((1, 4, 5, 3), np.int8)
    attrs = {"size": [8, 15], "align_corners": False, "half_pixel_centers": False}
    assert make_case("resize_nearest", [data], attrs).kernel.constants == {}
