"""Which config of a database a kernel gets."""

from __future__ import annotations

import pytest

from tests.unit.tuning.networks import block
from tvm_patch.driver.front import legalize
from tvm_patch.lowering.tuned import TunedConfigs
from tvm_patch.lowering.workload import workload_text


@pytest.fixture(scope="module")
def kernel():
    return legalize(block()).describe()[0][2]  # 1×1, 16 inputs


def config(pixels, unroll):
    return {"group": 2, "pixels": pixels, "direct": 0, "unroll": unroll}


def tuned(kernel, *entries, preference="speed"):
    return TunedConfigs({workload_text(kernel, "cortex-m7"): list(entries)}, preference, "cortex-m7")


def test_the_fastest(kernel):
    chosen = tuned(kernel, (10, config(2, 8)), (20, config(3, 4))).within(kernel, 4096)
    assert (chosen.config["pixels"], chosen.config["unroll"]) == (2, 8)


def test_the_fastest_that_the_scratch_holds(kernel):
    entries = (10, config(3, 8)), (20, config(1, 8))
    assert tuned(kernel, *entries).within(kernel, 4096).config["pixels"] == 3
    smallest = type(kernel)(kernel.op, config(1, 8))
    chosen = tuned(kernel, *entries).within(smallest, smallest.scratch_bytes)
    assert chosen.config["pixels"] == 1


def test_only_speed_takes_another_unrolling(kernel):
    entries = (10, config(2, 8)), (20, config(3, 4))
    chosen = tuned(kernel, *entries, preference="balanced").within(kernel, 4096)
    assert (chosen.config["pixels"], chosen.config["unroll"]) == (3, 4)


def test_truth_values_stay_truth_values(kernel):
    assert tuned(kernel, (10, config(1, 8))).within(kernel, 4096).config["direct"] is False


def test_what_another_core_measured_says_nothing(kernel):
    entries = {workload_text(kernel, "cortex-m55"): [(10, config(2, 8))]}
    usual = TunedConfigs(preference="speed").within(kernel, 4096)
    assert TunedConfigs(entries, "speed", "cortex-m7").within(kernel, 4096).config == usual.config
    assert TunedConfigs(entries, "speed", "cortex-m55").within(kernel, 4096).config != usual.config


@pytest.mark.parametrize(("preference", "unroll"), [("size", 2), ("balanced", 4), ("speed", 12)])
def test_without_measurements_the_preference_decides(kernel, preference, unroll):
    assert TunedConfigs(preference=preference).within(kernel, 4096).config["unroll"] == unroll
    narrow = type(kernel)(kernel.op, {"pixels": 1, "direct": True, "group": 4})
    wide = TunedConfigs(preference=preference).within(narrow, 4096)
    assert (wide.config["pixels"], wide.config["unroll"]) == (3, unroll)
