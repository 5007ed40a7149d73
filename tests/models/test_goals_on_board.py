"""The goals of patch-by-patch scheduling, as compiled and run on the emulated Cortex-M7, bit for bit."""

from __future__ import annotations

import pytest

import tvm_patch
from tests.models.test_plans import GOALS
from tvm_patch.driver import check, random_inputs
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request

pytestmark = pytest.mark.verify


@pytest.mark.parametrize(("name", "mode", "kib", "overhead"), GOALS)
def test_goal_on_the_emulated_board(shared_models, name, mode, kib, overhead):
    data = (shared_models / f"{name}.tflite").read_bytes()
    request = Request(input_mode=mode, objective="memory", max_overhead=overhead)
    artifact = tvm_patch.compile(data, board="qemu_m7", plan=request)
    inputs = random_inputs(artifact, 1, 3)
    result = artifact.run(inputs, board="qemu_m7", profile=False)
    with Oracle(data, isolate=True) as oracle:
        assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0
    assert result.arena_bytes == artifact.arena_bytes <= kib * 1024
    executed = artifact.metadata.macs_executed / artifact.metadata.macs
    assert executed <= overhead + 1e-6
    print(f"{name} {mode}: {result.arena_bytes / 1024:.1f} KiB @ {executed:.3f}, {result.instructions:,}")
