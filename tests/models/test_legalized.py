"""Real networks after legalization, tensor by tensor against LiteRT's reference kernels."""

from __future__ import annotations

import numpy as np
import pytest
import tvm

from relay_passes.extract_graph import extract_graph
from relay_passes.fold_boundary import FoldBoundary
from relay_passes.legalize_quantized import LegalizeQuantized
from relay_passes.pipeline import legalization_passes
from tests.models.networks import QUICK, all_networks
from tests.unit.relay_passes.models import outputs_of, random_input, run
from tvm_patch.frontend import import_tflite
from tvm_patch.oracle import Oracle

QUICK_OR_VERIFY = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.verify) for name in all_networks()
]


@pytest.mark.parametrize("name", QUICK_OR_VERIFY)
def test_every_tensor_is_exact(shared_models, name):
    pytest.importorskip("ai_edge_litert", reason="the oracle needs ai-edge-litert")
    data = (shared_models / f"{name}.tflite").read_bytes()
    imported = import_tflite(data)
    plain = LegalizeQuantized()(imported.module)
    folded = tvm.transform.Sequential(legalization_passes("float"))(imported.module)
    with Oracle(data, preserve_all=True, isolate=True) as oracle:
        for seed in range(2):
            inputs = random_input(imported.model, seed)
            expected = oracle.run(inputs)
            values = run(plain, inputs)
            compared = 0
            for tensor, value in values.items():
                index = imported.sources.get(tensor)
                if index in expected.tensors:
                    reference = expected.tensors[index].reshape(value.shape)
                    np.testing.assert_array_equal(value, reference, err_msg=f"{name}: {tensor}")
                    compared += 1
            # Tensors that the canonical rewrite made itself have no counterpart.
            assert compared >= 0.95 * len(values) or len(values) - compared <= 1
            for ours, theirs in zip(outputs_of(folded, inputs), expected.outputs, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", all_networks())
def test_imports_and_legalizes(shared_models, name):
    module = import_tflite((shared_models / f"{name}.tflite").read_bytes()).module
    legal = tvm.transform.Sequential(legalization_passes("float"))(module)
    kinds = {op.kind for op in extract_graph(legal).operators}
    assert kinds
    inside = extract_graph(FoldBoundary("int8")(legal))
    assert {t.dtype for t in (*inside.inputs, *inside.outputs)} == {"int8"}
