"""The estimate against cycles of the model on emulated boards, recorded and fresh."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.fit_estimate.__main__ import load_networks, load_operators
from benchmarks.fit_estimate.cases import Case, CaseBuilder
from benchmarks.fit_estimate.cores import CORES
from benchmarks.fit_estimate.fit import pieces_of
from benchmarks.fit_estimate.log import Log
from benchmarks.fit_estimate.networks import RANKED, described
from benchmarks.fit_estimate.report import compared, kendall_tau, regret
from tvm_patch.driver.front import legalize
from tvm_patch.planner.estimate.cycles import OperatorCost, cycles_of_pieces, row_cost
from tvm_patch.planner.estimate.terms import row_terms
from tvm_patch.planner.search.layers import layer_cycles
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.targets import TARGETS
from tvm_patch.targets.pipeline import ERROR_PERCENT
from tvm_patch.tflite.writer import write_model


def described_case(case, core):
    model = CaseBuilder("one")
    model.add_case(case)
    return legalize(write_model(model.finish()), target=core.target).describe()[1]


BOTH = pytest.mark.parametrize("core", CORES.values(), ids=CORES)
NETWORKS = [(core, name) for core in CORES.values() for name in sorted(load_networks(core))]


def test_every_target_has_a_table_of_a_core_with_a_model():
    for target in TARGETS.values():
        assert target.timed_on in ERROR_PERCENT
        assert target.costs == TARGETS[target.timed_on].costs
    assert TARGETS["cortex-m4"].costs != TARGETS["cortex-m7"].costs


@pytest.mark.slow
@BOTH
def test_recorded_operators(core):
    """Every third of them; see docs/planner-estimate.md for the errors of all."""
    some = load_operators(core)[::3]
    pieces = pieces_of(some, core)
    assert {name for p in pieces for name in p} <= set(core.target.costs)
    # Below a few hundred cycles, and with fewer channels than a word has, the C compiler decides.
    ratio = {
        kind: np.array(
            [
                cycles_of_pieces(p, core.target.costs) / m.cost
                for m, p in zip(some, pieces, strict=True)
                if m.case.kind == kind and m.cost > 500 and m.case.numbers.get("c", 4) > 3
            ]
        )
        for kind in ("conv", "depthwise", "binary", "reduction")
    }
    for kind, ratios in ratio.items():
        assert len(ratios) > 3, kind
        assert np.median(np.abs(ratios - 1)) < 0.09, kind
        assert np.quantile(np.abs(ratios - 1), 0.8) < 0.2, kind
        assert abs(np.median(ratios) - 1) < 0.07, kind


@pytest.mark.parametrize(("core", "name"), NETWORKS, ids=[f"{c.name}-{n}" for c, n in NETWORKS])
def test_recorded_networks(core, name, shared_models):
    rows = compared(described(shared_models / f"{name}.tflite", core), load_networks(core)[name])
    for estimated, measured, what in rows:
        assert 0.88 < estimated / measured < 1.12, what
    if name in RANKED:
        # Plans within 2 % of each other are equally good.
        assert kendall_tau([r[0] for r in rows], [r[1] for r in rows], apart=0.02) > 0.75
        assert regret(rows) < 1.05


@BOTH
@pytest.mark.parametrize("name", RANKED[:2])
def test_recorded_instructions(core, name, shared_models):
    counted = replace(core, unit="instructions")
    network = described(shared_models / f"{name}.tflite", counted)
    for estimated, measured, what in compared(network, load_networks(counted)[name]):
        assert 0.95 < estimated / measured < 1.07, what


def test_bands_of_different_widths_cost_more():
    cost = OperatorCost(call=100, column=10, once=1, dynamic=5)
    assert cost.row(5) == 150
    assert cost.row(5, dynamic=True) == 155


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("name", ["mlperf-ad01", "mlperf-kws-dscnn"])
def test_fresh_counts(core, name, shared_models):
    model = shared_models / f"{name}.tflite"
    network = described(model, core)
    measured = core.cost(model, layer_by_layer(network), prune=False)
    assert sum(layer_cycles(network, op) for op in network.operators) == pytest.approx(measured, rel=0.1)


@BOTH
def test_the_estimate_knows_which_kernel_it_is(core):
    """Rows that are read as they are, and Winograd's tiles, have pieces of their own."""
    size = {"h": 8, "w": 16, "c": 16}
    for case, piece in (
        (Case("depthwise", {**size, "kh": 3, "kw": 3, "s": 2}), "depthwise.direct.tap"),
        (Case("depthwise", {**size, "kh": 5, "kw": 5}), "depthwise.tap"),
        (Case("depthwise", {**size, "w": 1, "kh": 5, "kw": 1}), "depthwise.only.tap"),
        (Case("conv", {**size, "o": 16, "kh": 3, "kw": 3}), "winograd.quad"),
        (Case("conv", {**size, "o": 16, "kh": 3, "kw": 3, "s": 2}), "conv.quad"),
        (Case("conv", {**size, "o": 16}), "pointwise.quad"),
    ):
        network = described_case(case, core)
        terms = row_terms(network, network.operators[0])
        assert piece in {**terms.column, **terms.call}, case


@BOTH
def test_rows_of_one_pixel_are_one_row_where_nothing_else_is_in_the_segment(core):
    network = described_case(Case("conv", {"h": 28, "w": 1, "c": 40, "o": 128}), core)
    (op,) = network.operators
    by_row, alone = row_cost(network, op), row_cost(network, op, alone=True)
    assert alone.call == 0
    assert alone.once + 28 * alone.column < 28 * by_row.row(1)
    assert layer_cycles(network, op) == pytest.approx(alone.once + 28 * alone.column, rel=0.05)


def test_an_interrupted_measurement_goes_on(tmp_path, monkeypatch):
    path, measured = tmp_path / "core" / "operators.json", []

    def measure(value):
        measured.append(value)
        return [value]

    log = Log(path)
    assert log.get("a", lambda: measure(1)) == [1]
    assert log.get("a", lambda: measure(2)) == [1]
    log.get("b", lambda: measure(3))
    part = path.with_suffix(".part")
    part.write_text(part.read_text()[:-5])  # it was interrupted while it wrote
    again = Log(path)
    assert again.get("a", lambda: measure(4)) == [1]
    assert again.get("b", lambda: measure(5)) == [5]
    # Other kernels are measured anew.
    monkeypatch.setattr("benchmarks.fit_estimate.log.kernels_digest", lambda: "other")
    assert Log(path).get("a", lambda: measure(6)) == [6]
    Log(path).finish(json.dumps(measured))
    assert json.loads(path.read_text()) == [1, 3, 5, 6]
    assert not part.exists()
