"""The benchmark of fronts: what counts as beating a published point."""

from __future__ import annotations

import pytest

from benchmarks.fronts import FrontOf, lean
from benchmarks.peers import PublishedPlan

FRONT = FrontOf("net", [], [(10_240, 1.2), (20_480, 1.004), (40_960, 1.0)])


@pytest.mark.parametrize(
    ("kib", "overhead", "expected"),
    [
        (15, 1.3, (10_240, 1.2)),
        (10, 1.2, (10_240, 1.2)),
        (9.9, 2.0, None),
        (30, 1.0, (20_480, 1.004)),
        (15, 1.1, None),
    ],
)
def test_a_published_point_is_beaten_where_a_plan_is_no_larger_and_does_no_more(kib, overhead, expected):
    assert FRONT.beating(PublishedPlan("peer", kib, overhead)) == expected


def test_points_that_are_there_for_their_time_are_left_out():
    assert lean([(3, 1.2), (1, 1.2), (2, 1.3), (4, 1.0)]) == [(1, 1.2), (4, 1.0)]
