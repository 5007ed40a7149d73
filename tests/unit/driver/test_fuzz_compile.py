"""Mutants end to end: every one is compiled or refused in one line; what compiles gives LiteRT's numbers.

All seeds are fixed, so a failure names the case that reproduces it: ``attempt(Case(...))``.
"""

from __future__ import annotations

import random
import warnings

import pytest

from tests.unit.driver.fuzz import Case, Level, Outcome, Stage, run_cases
from tests.unit.relay_passes.models import EDGES, OURS_ONLY, STOCK_TOO

pytestmark = pytest.mark.slow

SINGLE = (*STOCK_TOO, *OURS_ONLY, *EDGES, "small")
REAL = ("tflm-micro-speech", "mlperf-kws-dscnn", "hps-presence-89ops-240x320", "openmv-fomo-face-96")


def cases(sources, level: Level, stage: Stage, numbers: range) -> list[Case]:
    return [Case(source, level, number, stage) for number in numbers for source in sources]


def check(outcome: Outcome, *words: str) -> None:
    """Assert that nothing escaped, and that each of `words` is how a tenth of the mutants ended."""
    shown = "\n".join(f"{case}\n{detail}" for case, detail in outcome.failures[:5])
    assert not outcome.failures, f"{len(outcome.failures)} failures, the first:\n{shown}"
    total = sum(outcome.counts.values())
    for word in words:
        assert outcome.counts[word] > total / 10, outcome.counts


def test_bytes_of_small_files():
    check(run_cases(cases(SINGLE, "bytes", "import", range(40))), "imported", "refused")


def test_bytes_of_real_files(shared_models):
    paths = [str(shared_models / f"{name}.tflite") for name in REAL]
    check(run_cases(cases(paths, "bytes", "import", range(100))), "imported", "refused")


def test_structure():
    check(run_cases(cases(SINGLE, "structure", "compile", range(12))), "compiled", "refused")


def test_what_compiles_is_right():
    pytest.importorskip("ai_edge_litert")
    chosen = random.Random(5).sample(cases(SINGLE, "structure", "compare", range(1000, 1010)), 130)
    check(run_cases(chosen), "same", "refused")


FOUND = [Case("times_a_scalar", "structure", 30016, "compile")]
"""Mutants that were a fault once: here a PRELU whose slope has no extents."""


def test_what_was_found_before():
    outcome = run_cases(FOUND)
    assert not outcome.failures, outcome.failures


@pytest.mark.verify
def test_long(shared_models):
    paths = [str(shared_models / f"{name}.tflite") for name in REAL]
    check(
        run_cases(cases((*SINGLE, *paths), "bytes", "compile", range(10_000, 10_100))), "compiled", "refused"
    )
    check(run_cases(cases(paths, "structure", "compile", range(20_000, 20_100))), "compiled", "refused")
    check(run_cases(cases(SINGLE, "structure", "compile", range(30_000, 30_200))), "compiled", "refused")


@pytest.mark.verify
def test_long_comparison():
    pytest.importorskip("ai_edge_litert")
    outcome = run_cases(cases(SINGLE, "structure", "compare", range(40_000, 40_040)))
    check(outcome, "same", "refused")
    # Not a fault: the arithmetic is defined where LiteRT is stricter.  But somebody should read the list.
    for word, count in outcome.counts.items():
        if word.startswith("only we compile"):
            warnings.warn(f"{count} × {word}", stacklevel=1)
