"""What the recorded baseline of the benchmarks calls worse."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.baseline import FIGURES, RECORDED, TRACKED, worse
from benchmarks.networks import NetworkResult

RESULT = NetworkResult("net", "layer", "cortex-m7", 1_000_000, 10_000, 50_000, 400, 800_000, 1.0, True)
RECORD = {
    "net layer cortex-m7": {
        "instructions": 1_000_000,
        "cycles": 800_000,
        "arena_bytes": 10_000,
        "flash_bytes": 50_000,
    }
}


def test_equal_and_better_pass():
    assert worse([RESULT, replace(RESULT, instructions=900_000, arena_bytes=1)], RECORD) == []


@pytest.mark.parametrize("figure", FIGURES)
def test_half_a_percent_is_the_limit(figure):
    value = getattr(RESULT, figure)
    assert worse([replace(RESULT, **{figure: int(value * 1.004)})], RECORD) == []
    (line,) = worse([replace(RESULT, **{figure: int(value * 1.006)})], RECORD)
    assert line.startswith("net layer")
    assert figure in line
    assert "+0.60%" in line


def test_what_is_not_exact_or_not_recorded_fails():
    assert worse([replace(RESULT, bit_exact=False)], RECORD) == ["net layer cortex-m7: not bit-exact"]
    assert worse([replace(RESULT, way="plan")], RECORD) == ["net plan cortex-m7: not recorded"]


def test_every_tracked_network_is_recorded():
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert sorted(recorded) == sorted(" ".join(tracked) for tracked in TRACKED)
    assert all(set(figures) == set(FIGURES) for figures in recorded.values())
