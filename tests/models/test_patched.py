"""Whole networks in patches (MCUNetV2's scheme): the same bits, the memory that was predicted."""

from __future__ import annotations

import pytest

import tvm_patch
from benchmarks.mcunetv2_table1 import paper_peaks
from tests.models.networks import picture_inputs
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.front import legalize
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request, choose_plan
from tvm_patch.tflite.writer import write_model
from tvm_patch.zoo.registry import build


def _choose(data: bytes, patches: int, layers: int, mode="rereadable"):
    _, network = legalize(data).describe()
    return network, choose_plan(
        network, Request(input_mode=mode, scheme="mcunetv2", patches=patches, layers=layers)
    )


def _assert_exact(data: bytes, patches: int, layers: int, mode="rereadable", board="host") -> None:
    _, choice = _choose(data, patches, layers, mode)
    artifact = tvm_patch.compile(data, board=board, plan=choice.plan)
    assert artifact.arena_bytes == choice.plan.arena_bytes
    inputs = [*random_inputs(artifact, 1, 5), *picture_inputs(artifact, 1)]
    result = artifact.run(inputs, board=board, profile=False)
    with Oracle(data) as oracle:
        assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0


@pytest.mark.parametrize(("patches", "layers"), [(1, 3), (2, 6), (3, 5), (5, 2)])
def test_a_network_with_residuals_is_exact(patches, layers):
    data = write_model(build("mcunet_vww0", resolution=39))
    _assert_exact(data, patches, layers)


@pytest.mark.parametrize("mode", ["resident", "rereadable"])
def test_patches_on_the_emulated_board(mode):
    data = write_model(build("mlperf_ic", resolution=19))
    _assert_exact(data, 3, 4, mode, board="qemu_m7")


def test_real_network_as_tinyengine_runs_it(shared_models):
    data = (shared_models / "mcunet-vww1-tinyengine-80.tflite").read_bytes()
    _assert_exact(data, 2, 10, board="qemu_m7")


def test_mobilenet_v2_as_in_the_paper():
    """4×4 patches of the 13 operators down to 28×28 read 75×75 pixels each (MCUNetV2, figure 5 and table 1)."""
    data = write_model(build("mobilenet_v2", width=1.0, resolution=224))
    network, choice = _choose(data, 4, 13)
    layout = choice.point.schedule.layouts[0]
    pixels = layout.buffers[network.inputs[0]].region
    assert (pixels.rows.widest, pixels.columns.widest) == (75, 75)
    assert 1.08 < choice.plan.overhead < 1.11
    # The paper's 1372 and 172 kB, counted its way: no operator in place but depthwise ones, no ring of rows.
    assert paper_peaks(network, 13) == (1372 * 1024, 171.5 * 1024)
