"""Random geometry of pools."""

from __future__ import annotations

import numpy as np

from tests.unit.kernels.batch import Case, make_case
from tests.unit.kernels.randoms import int8


def random_pools(kind: str, count: int, seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    while len(cases) < count:
        height, width = (int(n) for n in rng.integers(1, 12, 2))
        size = [int(n) for n in rng.integers(1, 6, 2)]
        if len(cases) % 5 == 0:
            size = [height, width]  # global
        padding = [int(rng.integers(0, size[i % 2])) for i in range(4)] if rng.random() < 0.6 else [0] * 4
        if height + padding[0] + padding[2] < size[0] or width + padding[1] + padding[3] < size[1]:
            continue
        # At least one element of every window inside the tensor, as TFLite's padding schemes guarantee.
        attrs = {
            "pool_size": size,
            "strides": [int(n) for n in rng.integers(1, 4, 2)],
            "padding": padding,
            "act_min": int(rng.choice([-128, -20])),
            "act_max": int(rng.choice([127, 30])),
        }
        batch = 2 if rng.random() < 0.2 else 1
        data = int8(rng, (batch, height, width, int(rng.integers(1, 10))))
        cases.append(make_case(kind, [data], attrs))
    return cases
