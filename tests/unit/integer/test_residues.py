"""The first small number of a sequence modulo another, against counting through all of them."""

from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.integer.residues import first_below


def counted(start: int, step: int, modulus: int, width: int, count: int) -> int:
    return next((x for x in range(count) if (start + step * x) % modulus < width), -1)


@pytest.mark.parametrize("bits", [2, 5, 9, 20, 31])
def test_as_counted(bits: int) -> None:
    rng = np.random.default_rng(bits)
    modulus = rng.integers(1, (1 << bits) + 1, 600)
    start, step = rng.integers(0, modulus), rng.integers(0, modulus)
    width = np.maximum(1, (modulus * 2.0 ** -rng.uniform(0, 14, 600)).astype(np.int64))
    count = rng.integers(-1, 1025, 600)
    found = first_below(start, step, modulus, width, count)
    want = [counted(*map(int, row)) for row in zip(start, step, modulus, width, count, strict=True)]
    np.testing.assert_array_equal(found, want)
    assert len(set(want)) > 4


def test_steps_of_zero_and_of_one_less_than_the_modulus() -> None:
    def one(*numbers: int) -> int:
        return int(first_below(*(np.array([n], np.int64) for n in numbers))[0])

    assert one(5, 0, 9, 3, 1024) == -1
    assert one(2, 0, 9, 3, 1024) == 0
    assert one(900, (1 << 31) - 2, (1 << 31) - 1, 1, 1024) == 900
    assert one(900, (1 << 31) - 2, (1 << 31) - 1, 1, 900) == -1
