"""Intervals of the constant, against their definition; narrowing them changes nothing within the bounds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.integer.test_step_requantize import of_pairs, random_layer
from tvm_patch.integer.corridor import Corridor
from tvm_patch.integer.staircase import Staircase, staircase_of_pairs


def layer_of(seed: int) -> tuple[Staircase, np.ndarray]:
    """Return a staircase and slopes about as steep."""
    layer = random_layer(seed, channels=40)
    stairs = staircase_of_pairs(zero_point=-7, act=(-128, 127), **of_pairs(layer))
    assert stairs is not None
    shift = int((-layer["shift"]).min()) - 1
    slope = layer["multiplier"] >> np.minimum(-layer["shift"] - shift - 1, 31)
    return stairs, np.maximum(slope, 400)


def by_definition(stairs: Staircase, shift: int, m: int, channel: int) -> tuple[int, int]:
    low, high = int(stairs.low[channel]), int(stairs.high[channel])
    least, most = -(1 << 62), 1 << 62
    for level, first in zip(stairs.levels.tolist(), stairs.first[:, channel].tolist(), strict=True):
        if first <= high:
            least = max(least, (level << (32 + shift)) - max(first, low) * m)
        if first > low:
            most = min(most, (level << (32 + shift)) - min(first - 1, high) * m)
    return least, most


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shift", [0, 3, 11])
def test_intervals_and_what_narrowing_leaves_of_them(seed: int, shift: int) -> None:
    stairs, slope = layer_of(seed)
    channels = np.flatnonzero(~stairs.idle)
    whole = Corridor.of(stairs, shift, channels)
    slopes = slope[channels] + np.arange(-300, 301, 25)[:, None]
    least, most = np.concatenate([whole.interval(m[None]) for m in slopes], axis=1)
    for at in range(0, channels.size, 7):
        for i in (0, 12, 24):
            assert (least[i, at], most[i, at]) == by_definition(
                stairs, shift, int(slopes[i, at]), channels[at]
            )
    kept = np.arange(channels.size) % 3 != 0
    narrow = whole.only(kept).between(slopes[0, kept], slopes[-1, kept])
    np.testing.assert_array_equal(narrow.interval(slopes[:, kept]), [least[:, kept], most[:, kept]])
    assert len(narrow.reached.slope) < len(whole.reached.slope)
