"""Real networks that lose channels, on 200 inputs each, extremes included: every bit is LiteRT's."""

from __future__ import annotations

import numpy as np
import pytest

import tvm_patch
from relay_passes.prune_channels import pruned_channels
from tests.models.networks import all_networks, extreme_inputs, picture_inputs
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.analyse import analyse
from tvm_patch.driver.front import legalize
from tvm_patch.oracle import Oracle

INPUTS = 200


def inputs_of(artifact):
    """Extremes, noise around them, pictures, and random values for the rest."""
    sets = extreme_inputs(artifact)
    rng = np.random.default_rng(5)
    low, high = sets
    for few, many in ((low, high), (high, low)):
        for part in (0.5, 0.1, 0.01, 0.001):
            sets.append([np.where(rng.random(a.shape) < part, b, a) for a, b in zip(few, many, strict=True)])
    if len(artifact.metadata.inputs) == 1:
        sets += picture_inputs(artifact, 20)
    return sets + random_inputs(artifact, INPUTS - len(sets), seed=3)


@pytest.mark.verify
@pytest.mark.parametrize("name", all_networks())
def test_pruned_networks_are_bit_exact(shared_models, name):
    data = (shared_models / f"{name}.tflite").read_bytes()
    if not pruned_channels(legalize(data).module):
        pytest.skip(f"{name} loses no channel")
    artifact = tvm_patch.compile(data, board="host")
    inputs = inputs_of(artifact)
    assert len(inputs) == INPUTS
    result = artifact.run(inputs, board="host", profile=False)
    with Oracle(data, isolate=True) as oracle:
        assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0


def test_what_was_left_out_is_said(shared_models):
    analysis = analyse(shared_models / "mlperf-vww-96.tflite")
    assert analysis.notes == ("left out 1714 of 2738 channels that are constant or never read",)
    artifact = tvm_patch.compile(shared_models / "mlperf-vww-96.tflite", board="host")
    assert artifact.metadata.notes == analysis.notes
