"""The instruction estimate against counts of the emulated Cortex-M4, recorded and fresh."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.fit_estimate.__main__ import NETWORKS, load_operators
from benchmarks.fit_estimate.fit import pieces_of
from benchmarks.fit_estimate.networks import RANKED, described, measure_plan
from benchmarks.fit_estimate.report import compared, kendall_tau, regret
from tvm_patch.planner.estimate.instructions import OperatorCost, instructions_of
from tvm_patch.planner.search.layers import layer_instructions
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.targets import CORTEX_M4

RECORDED = json.loads(NETWORKS.read_text())


@pytest.mark.slow
def test_recorded_operators():
    """Every sixth of them; see docs/planner-estimate.md for the errors of all."""
    some = load_operators()[::6]
    pieces = pieces_of(some)
    assert {name for p in pieces for name in p} <= set(CORTEX_M4.costs)
    # Below a few hundred instructions, and with fewer channels than a word has, the C compiler decides.
    ratio = {
        kind: np.array(
            [
                instructions_of(p, CORTEX_M4.costs) / m.instructions
                for m, p in zip(some, pieces, strict=True)
                if m.case.kind == kind and m.instructions > 500 and m.case.numbers.get("c", 4) > 3
            ]
        )
        for kind in ("conv", "depthwise", "binary", "reduction")
    }
    for kind, ratios in ratio.items():
        assert len(ratios) > 3, kind
        assert np.median(np.abs(ratios - 1)) < 0.09, kind
        assert np.quantile(np.abs(ratios - 1), 0.8) < 0.2, kind
        assert abs(np.median(ratios) - 1) < 0.07, kind


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_networks(name, shared_models):
    rows = compared(described(shared_models / f"{name}.tflite"), RECORDED[name])
    for estimated, measured, what in rows:
        assert 0.87 < estimated / measured < 1.13, what
    if name in RANKED:
        # Plans within 2 % of each other are equally good; of MCUNet-VWW1's ten ways half are.
        assert kendall_tau([r[0] for r in rows], [r[1] for r in rows], apart=0.02) > 0.75
        assert regret(rows) < 1.03


def test_bands_of_different_widths_cost_more():
    cost = OperatorCost(call=100, column=10, once=1, dynamic=5)
    assert cost.row(5) == 150
    assert cost.row(5, dynamic=True) == 155


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlperf-ad01", "mlperf-sww", "mlperf-kws-dscnn"])
def test_fresh_counts(name, shared_models):
    model = shared_models / f"{name}.tflite"
    network = described(model)
    measured, _ = measure_plan(model, layer_by_layer(network))
    assert sum(layer_instructions(network, op) for op in network.operators) == pytest.approx(
        measured, rel=0.13
    )
