"""Whole networks under random plans: fused segments, bands, reductions.  The same bits as layer by layer."""

from __future__ import annotations

from functools import partial

import pytest

import tvm_patch
from tests.models.networks import QUICK, all_networks
from tests.plans.composites import with_composites
from tests.plans.plans import longest_plan
from tests.segments import random_segments
from tests.unit.codegen.networks import small_network
from tvm_patch.driver import check, random_inputs
from tvm_patch.oracle import Oracle, OracleRefusal
from tvm_patch.planner.segments import layer_by_layer
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build

OWN = {
    "small": small_network,
    "mcunet": lambda: write_model(build("mcunet_vww0", resolution=33)),
    "resnet8": lambda: write_model(build("mlperf_ic", resolution=19)),
    "dscnn": lambda: write_model(build("mlperf_kws")),
}
REAL = [pytest.param(n, marks=() if n in QUICK[:5] else pytest.mark.verify) for n in all_networks()]


def _assert_exact(data: bytes, seed: int, board: str = "host", plan=None) -> None:
    plan = plan or partial(random_segments, seed=seed)
    artifact = tvm_patch.compile(data, board=board, segments=plan)
    inputs = random_inputs(artifact, 2, seed)
    result = artifact.run(inputs, board=board, profile=False)
    try:
        oracle = Oracle(data, isolate=True)
    except OracleRefusal as refusal:
        pytest.skip(f"BUILTIN_REF itself cannot run it: {refusal}")
    with oracle:
        assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("network", OWN)
def test_own_networks_under_random_plans(network, seed):
    _assert_exact(OWN[network](), seed)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", REAL)
def test_real_networks_under_random_plans(shared_models, name, seed):
    _assert_exact((shared_models / f"{name}.tflite").read_bytes(), seed)


@pytest.mark.parametrize("network", ["small", "mcunet"])
def test_random_plans_on_the_emulated_board(network):
    _assert_exact(OWN[network](), 7, board="qemu_m7")


def _composites(network):
    return with_composites(network, longest_plan(network, 2), (), 3)


def _blocks(network):
    return with_composites(network, layer_by_layer(network), (), 3)


@pytest.mark.parametrize("board", ["qemu_m7", "qemu_m4"])
@pytest.mark.parametrize("plan", [_composites, _blocks])
def test_composites_and_blocks_of_channels_on_the_emulated_boards(plan, board):
    _assert_exact(OWN["mcunet"](), 7, board, plan)
