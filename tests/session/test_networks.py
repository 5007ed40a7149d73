"""Five whole networks, host-driven: bit-exact, layer by layer, under a plan, and with rows from the host."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import tvm_patch
from tvm_patch import driver
from tvm_patch.planner.choose import Request
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

BOARDS = ["host", "qemu_m7", "qemu_m4"]
NETWORKS = ["mcunet_vww1", "mlperf_vww", "mlperf_ic", "mlperf_kws", "mlperf_ad"]
WAYS = ["layer", "plan", "streamed"]

pytestmark = pytest.mark.slow


@cache
def model(name: str) -> bytes:
    return write_model(build(name))


@cache
def compiled(name: str, way: str):
    """The same code for every board: it has both forms of every kernel, and the compiler picks."""
    options = {
        "layer": {},
        "plan": {"plan": Request(max_overhead=1.05)},
        "streamed": {"plan": Request(input_mode="streamed", max_overhead=1.05)},
    }[way]
    return tvm_patch.compile(model(name), board="qemu_m7", **options)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("way", WAYS)
def test_host_driven_runs_are_bit_exact(name, way):
    if way == "streamed" and name == "mlperf_ad":
        pytest.skip("its input is a vector, which has no rows")
    artifact = compiled(name, way)
    assert (artifact.metadata.input_mode == "streamed") == (way == "streamed")
    inputs = driver.random_inputs(artifact, 2, 0)
    for board in BOARDS:
        with tvm_patch.Session(board=board, artifact=artifact) as session:
            results = [session.run(given) for given in inputs]
            if way == "streamed":
                assert results[0].rows_read == artifact.metadata.inputs[0].shape[1]
            profile = session.profile(inputs[0])
        outputs = [r.outputs for r in results]
        assert driver.check(artifact, model(name), inputs, outputs).bit_exact, board
        if board != "host":
            # A count, the same every time; hooks cost nothing but what a call takes.
            total = sum(o.cost for o in profile.operators)
            assert total == pytest.approx(results[0].cost, rel=0.01)
        for a, b in zip(profile.inference.outputs, outputs[0], strict=True):
            np.testing.assert_array_equal(a, b)
