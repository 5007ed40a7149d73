"""Narrowed multipliers equal the exact ones on every accumulator, or are refused."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tvm_patch.integer.narrow import narrow_rescaling
from tvm_patch.integer.requantize import multiply_exact, quantize_multiplier_exact


def _narrow(real, low, high, steps):
    multiplier, shift = quantize_multiplier_exact(real)
    return narrow_rescaling([multiplier], [shift], [low], [high], steps)


@given(st.floats(2.0**-12, 1.5), st.integers(-3000, 0), st.integers(1, 3000), st.integers(-128, 127))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_equal_on_every_accumulator(real, low, high, zero_point):
    steps = (-128 - zero_point, 127 - zero_point)
    narrow = _narrow(real, low, high, steps)
    if narrow is not None:
        accumulators = np.arange(low, high + 1)
        wanted = np.clip(multiply_exact(accumulators, *quantize_multiplier_exact(real)), *steps)
        np.testing.assert_array_equal(np.clip(narrow.apply(accumulators), *steps), wanted)


def test_typical_multipliers_can_be_narrowed():
    rng = np.random.default_rng(0)
    found = [_narrow(r, -200_000, 200_000, (-128, 127)) for r in rng.uniform(2.0**-10, 2.0**-6, 200)]
    assert sum(f is not None for f in found) >= 190


def test_accumulators_without_room_are_refused():
    assert _narrow(2.0**-20, -(2**30), 2**30, (-128, 127)) is None
