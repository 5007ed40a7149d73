from __future__ import annotations

from tests.unit.kernels.batch import check
from tests.unit.kernels.pools import random_pools


def test_random_geometry(tmp_path):
    cases = random_pools("max_pool2d", 60, seed=1)
    assert len({type(c.kernel) for c in cases}) == 2
    check(cases, tmp_path)
