"""One line in an ordinary TVM script: stock import, our pipeline, stock compile, LiteRT's bits."""

from __future__ import annotations

import numpy as np
import tflite
import tvm
from tvm import relax
from tvm.relax.frontend.tflite import from_tflite

import tvm_patch.lowering  # noqa: F401 - registers the pipeline
from tests.unit.codegen.networks import small_network
from tvm_patch.oracle import run_oracle


def _run(module, inputs):
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    return machine["main"](*[tvm.runtime.tensor(x) for x in inputs]).numpy()


def test_stock_import_then_pipeline_is_exact():
    data = small_network()
    imported = from_tflite(tflite.Model.GetRootAsModel(data, 0))
    module = relax.get_pipeline("tvm_patch")(imported)
    for seed in range(5):
        x = np.random.default_rng(seed).integers(-128, 128, (1, 9, 7, 3)).astype(np.int8)
        np.testing.assert_array_equal(_run(module, [x]), run_oracle(data, [x]).outputs[0])


def test_each_operator_became_one_call_of_a_kernel():
    module = relax.get_pipeline("tvm_patch")(from_tflite(tflite.Model.GetRootAsModel(small_network(), 0)))
    names = {gv.name_hint.rsplit("_", 1)[0] for gv in module.functions if gv.name_hint != "main"}
    assert {"conv2d", "depthwise_conv2d", "add", "avg_pool2d", "fully_connected", "softmax"} <= names
