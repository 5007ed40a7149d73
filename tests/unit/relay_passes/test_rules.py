"""Every legalization rule on both imports, bit for bit against LiteRT's reference kernels."""

from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.extract_graph import extract_graph
from relay_passes.legalize_quantized import LegalizeQuantized
from relay_passes.pipeline import legalization_pipeline
from tests.unit.relay_passes.models import (
    EDGES,
    OURS_ONLY,
    STOCK_TOO,
    file_of,
    our_import,
    outputs_of,
    random_input,
    single,
    stock_import,
)
from tvm_patch.oracle import run_oracle

CASES = [
    pytest.param(build, our_import, id=f"ours-{name}") for name, build in {**STOCK_TOO, **OURS_ONLY}.items()
]
CASES += [pytest.param(build, stock_import, id=f"stock-{name}") for name, build in STOCK_TOO.items()]


@pytest.mark.parametrize(("build", "importer"), CASES)
def test_rule_is_exact(build, importer):
    pytest.importorskip("ai_edge_litert", reason="the oracle needs ai-edge-litert")
    model = single(build)
    data = file_of(model)
    module = LegalizeQuantized()(importer(data))
    for seed in range(3):
        inputs = random_input(model, seed)
        expected = run_oracle(data, inputs).outputs
        for ours, theirs in zip(outputs_of(module, inputs), expected, strict=True):
            assert ours.shape == theirs.shape
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", EDGES)
def test_edge_is_exact_through_the_pipeline(name):
    pytest.importorskip("ai_edge_litert", reason="the oracle needs ai-edge-litert")
    model = single(EDGES[name])
    data = file_of(model)
    imported = our_import(data)
    module = legalization_pipeline("float")(imported)
    inputs = random_input(model)
    for ours, theirs in zip(outputs_of(module, inputs), run_oracle(data, inputs).outputs, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_array_equal(ours, theirs)
    folded = legalization_pipeline("int8")(imported)
    relax.analysis.well_formed(folded)
    outputs_of(folded, [x.astype(np.int8) for x in inputs])


@pytest.mark.parametrize("name", [*STOCK_TOO, *OURS_ONLY])
def test_nothing_quantized_is_left(name):
    module = LegalizeQuantized()(our_import(file_of(single({**STOCK_TOO, **OURS_ONLY}[name]))))
    text = module.script(show_meta=False)
    assert "R.quantize" not in text
    assert "R.dequantize" not in text
    extract_graph(module)  # every binding is dialect or movement
