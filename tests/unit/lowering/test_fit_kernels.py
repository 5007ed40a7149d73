"""Kernels get what a plan's arena has left over, and nothing more."""

from __future__ import annotations

import pytest

from tvm_patch.driver.front import legalize
from tvm_patch.lowering.fit_kernels import fit_kernels, widest_kernels
from tvm_patch.lowering.memory import place
from tvm_patch.planner.memory import arena_bytes
from tvm_patch.planner.search import Search
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build


@pytest.fixture(scope="module")
def legalized():
    return legalize(write_model(build("mlperf_ic")))


@pytest.mark.parametrize("way", ["layer", "plan"])
def test_arena_stays_as_promised(legalized, way):
    kernels, network = legalized.describe()
    segments = (
        layer_by_layer(network) if way == "layer" else Search(network, "resident").least_memory().segments
    )
    wider, described = fit_kernels(kernels, network, segments, "resident")
    promised = arena_bytes(network, segments)
    assert arena_bytes(described, segments) == promised
    assert place(legalized.lower(lambda _: segments)).arena_bytes == promised
    before, after = ([k.scratch_bytes for k in some] for some in (kernels, wider))
    assert all(b <= a <= max(b, network.target.ample_scratch) for b, a in zip(before, after, strict=True))
    assert sum(after) > sum(before)


def test_the_fullest_segment_gets_no_more(legalized):
    kernels, network = legalized.describe()
    segments = Search(network, "resident").least_memory().segments
    wider, _ = fit_kernels(kernels, network, segments, "resident")
    ample = network.target.ample_scratch
    assert [k.scratch_bytes for k in wider] != [k.within(ample).scratch_bytes for k in kernels]


def test_without_a_plan_kernels_are_wide(legalized):
    kernels, network = legalized.describe()
    wide, described = widest_kernels(kernels, network)
    program = legalized.lower()
    assert [k.scratch_bytes for k in wide] == [k.scratch_bytes for s in program.steps for k in s.kernels]
    assert place(program).arena_bytes == arena_bytes(described, layer_by_layer(described))
