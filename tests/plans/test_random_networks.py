"""Random networks under random plans and searched plans, in every input mode: the specification's bits, in the arena
that was predicted, and no byte touched outside what each step owns (:mod:`tests.plans.guards` says how that is proven).

Failures name the seed; ``trials_of(seed)`` makes the network and its two plans again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from relay_passes.prune_channels import pruned_channels
from tests.plans.composites import with_composites
from tests.plans.host import Trial, run_trials
from tests.plans.networks import decoder_network, random_network, sparse_network
from tests.plans.plans import random_plan, searched_plan
from tests.plans.rearranging import rearranging_network
from tests.plans.specification import specified
from tests.plans.trial import make_trial
from tests.sanitizers import sanitizers
from tvm_patch.driver.front import legalize
from tvm_patch.errors import PlanError
from tvm_patch.input_mode import INPUT_MODES
from tvm_patch.oracle import run_oracle
from tvm_patch.planner.modes import fetched_inputs

NETWORKS, BATCH = 200, 20


def trials_of(seed: int, make: Callable[[int], bytes] = random_network) -> list[Trial]:
    """Return a random network's two trials: under a random plan and a searched one."""
    legalized = legalize(make(seed))
    network = legalized.describe()[1]
    trials = []
    for kind, plan in enumerate((random_plan, searched_plan)):
        # Every combination of mode and layout comes round within 24 seeds.
        mode = INPUT_MODES[(seed + kind) % 3]
        apart = (seed // 6 + kind) % 2 == 0
        try:
            segments = plan(network, seed, mode)
        except PlanError:  # not every network has rows that can be fetched
            mode = "resident"
            segments = plan(network, seed, mode)
        if kind == 0 and seed // 3 % 2:
            segments = with_composites(network, segments, fetched_inputs(network, mode), seed)
        rows_apart = apart and seed // 12 % 2 == 0
        trials.append(
            make_trial(legalized, network, segments, mode, f"n{seed}_{kind}", seed, apart, rows_apart)
        )
    return trials


def assert_specified(trials: list[Trial], folder: Path, *options: str) -> None:
    """Compile and run all trials; compare with the specification."""
    compiler = options or ("gcc", "-O0", "-fsanitize=address")
    for trial, runs in zip(trials, run_trials(trials, folder, compiler), strict=True):
        first, second = (specified(trial.legalized, given) for given in trial.inputs)
        for got, wanted in zip(runs, (first, second, first), strict=True):
            for g, w in zip(got, wanted, strict=True):
                np.testing.assert_array_equal(g, w, err_msg=trial.about)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, NETWORKS, BATCH))
def test_networks(first, tmp_path):
    assert_specified([trial for seed in range(first, first + BATCH) for trial in trials_of(seed)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, BATCH))
def test_pruned_networks(first, tmp_path):
    trials = [trial for seed in range(first, first + BATCH) for trial in trials_of(seed, sparse_network)]
    assert sum(bool(pruned_channels(t.legalized.module)) for t in trials) > BATCH // 2
    assert_specified(trials, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, BATCH))
def test_decoders(first, tmp_path):
    seeds = range(first, first + BATCH)
    assert_specified([trial for seed in seeds for trial in trials_of(seed, decoder_network)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, BATCH))
def test_rearrangements_and_branches(first, tmp_path):
    seeds = range(first, first + BATCH)
    assert_specified([trial for seed in seeds for trial in trials_of(seed, rearranging_network)], tmp_path)


@pytest.mark.verify
@pytest.mark.parametrize("first", range(NETWORKS, 2200, BATCH))
def test_more_networks(first, tmp_path):
    assert_specified([trial for seed in range(first, first + BATCH) for trial in trials_of(seed)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_networks_under_more_sanitizers(compiler, tmp_path):
    """Undefined behaviour is fatal too; the compiler takes twice as long."""
    trials = [trial for seed in range(1000, 1006) for trial in trials_of(seed)]
    assert_specified(trials, tmp_path, compiler, "-O0", *sanitizers(compiler))


@pytest.mark.slow
def test_specification_is_litert():
    pytest.importorskip("ai_edge_litert")
    networks = [(seed, random_network) for seed in range(0, NETWORKS, 2)]
    for seed, make in networks + [(seed, rearranging_network) for seed in range(60)]:
        data = make(seed)
        legalized = legalize(data)
        shapes = [t.shape for t in legalized.graph.inputs]
        rng = np.random.default_rng(seed)
        inputs = [rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes]
        for got, wanted in zip(specified(legalized, inputs), run_oracle(data, inputs).outputs, strict=True):
            np.testing.assert_array_equal(got, wanted, err_msg=f"{make.__name__} {seed}")
