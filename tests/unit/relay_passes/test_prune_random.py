"""PruneChannels on random networks full of constant and unread channels, against LiteRT's reference kernels."""

from __future__ import annotations

import numpy as np
import pytest
import tvm

from relay_passes.channels import gathering
from relay_passes.extract_graph import extract_graph
from relay_passes.pipeline import legalization_passes
from relay_passes.prune_channels import PruneChannels, pruned_channels
from tests.plans.networks import sparse_network
from tests.unit.relay_passes.models import outputs_of
from tvm_patch.frontend import import_tflite
from tvm_patch.oracle import Oracle

BATCH = 10


def compare(seed: int) -> int:
    """Prune a network; compare it with LiteRT on extreme and random inputs; return how many channels went."""
    data = sparse_network(seed)
    imported = import_tflite(data)
    legal = tvm.transform.Sequential(legalization_passes("float", prune=False))(imported.module)
    pruned = PruneChannels((1, 1, 2, 4)[seed % 4])(legal)
    (given,) = extract_graph(legal).inputs
    rng = np.random.default_rng(seed)
    inputs = [np.full(given.shape, v, np.int8) for v in (-128, 127)]
    inputs += [rng.integers(-128, 128, given.shape).astype(np.int8) for _ in range(2)]
    # One value at most in a hundred: what is far from extreme and from noise.
    inputs.append(np.where(rng.random(given.shape) < 0.01, 127, -128).astype(np.int8))
    with Oracle(data) as oracle:
        for x in inputs:
            for got, wanted in zip(outputs_of(pruned, [x]), oracle.run([x]).outputs, strict=True):
                np.testing.assert_array_equal(got, wanted, err_msg=f"seed {seed}")
    lost = pruned_channels(pruned)
    for name, (before, left) in lost.items():
        assert 0 < left < before, f"seed {seed}: {name}"
    return sum(before - left for before, left in lost.values())


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(BATCH, 200, BATCH))]
)
def test_outputs_are_litert_s(first, monkeypatch):
    if first // BATCH % 2:  # small networks hardly ever pay for a take
        monkeypatch.setattr(gathering, "TAKE_COST", 0)
    pytest.importorskip("ai_edge_litert", reason="the oracle needs ai-edge-litert")
    removed = [compare(seed) for seed in range(first, first + BATCH)]
    assert sum(removed) > 20
    assert sum(r > 0 for r in removed) >= 3


@pytest.mark.verify
@pytest.mark.parametrize("first", range(200, 2000, BATCH))
def test_more_networks(first, monkeypatch):
    if first // BATCH % 2:
        monkeypatch.setattr(gathering, "TAKE_COST", 0)
    pytest.importorskip("ai_edge_litert", reason="the oracle needs ai-edge-litert")
    assert sum(compare(seed) for seed in range(first, first + BATCH)) > 0
