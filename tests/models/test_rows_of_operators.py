"""Networks whose wide tensors pass through operators that once needed them whole: planned, a quarter of the memory."""

from __future__ import annotations

import pytest

import tvm_patch
from tvm_patch.driver import check, random_inputs
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.builder import NetworkBuilder


def softmax_over_channels() -> bytes:
    net = NetworkBuilder("softmax", (1, 48, 48, 3))
    x = net.softmax(net.conv(net.input, 24, 3, 1, "RELU6"))
    x = net.conv(net.depthwise(x, 3, 2), 8)
    return write_model(net.finish(net.dense(net.global_mean(x), 4)))


@pytest.mark.parametrize("make", [softmax_over_channels])
def test_a_quarter_of_the_arena(make):
    data = make()
    layers = tvm_patch.compile(data)
    planned = tvm_patch.compile(
        data, plan=Request(input_mode="rereadable", objective="memory", max_overhead=1.05)
    )
    assert planned.arena_bytes <= layers.arena_bytes / 4
    inputs = random_inputs(planned, 2, 0)
    with Oracle(data, isolate=True) as oracle:
        for artifact in (layers, planned):
            result = artifact.run(inputs, profile=False)
            assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0
