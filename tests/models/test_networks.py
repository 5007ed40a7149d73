"""Whole real networks, bit for bit: firmware on the host and on emulated boards, and TVM's virtual machine."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import tvm
from tvm import relax

import tvm_patch
from tests.models.networks import QUICK, all_networks, eight_inputs
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.front import legalize
from tvm_patch.lowering.lower_segments import LowerSegments
from tvm_patch.oracle import Oracle, OracleRefusal

ARENA_LIMIT = {
    "mcunet-vww1-tinyengine-80": 93_992,
    "mcunet-persondet-128x160": 257_448,
    "mlperf-vww-96": 56_000,
    "mlperf-ic-resnet8-32": 50_000,
    "mlperf-kws-dscnn": 17_000,
}
"""Bytes: what the best peer needs layer by layer (issue 2)."""

QUICK_OR_VERIFY = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.verify) for name in all_networks()
]


def _compile(folder, name, board):
    data = (folder / f"{name}.tflite").read_bytes()
    return data, tvm_patch.compile(data, board=board)


@contextmanager
def _oracle(name, data):
    try:
        oracle = Oracle(data, isolate=True)
    except OracleRefusal as refusal:
        pytest.skip(f"BUILTIN_REF itself cannot run {name}: {refusal}")
    with oracle:
        yield oracle


@pytest.mark.parametrize("name", QUICK_OR_VERIFY)
def test_host_firmware_is_bit_exact(shared_models, name):
    data, artifact = _compile(shared_models, name, "host")
    inputs = eight_inputs(artifact)
    result = artifact.run(inputs, board="host", profile=False)
    with _oracle(name, data) as oracle:
        outcome = check(artifact, data, inputs, result.outputs, oracle)
    assert outcome.max_abs_diff == 0
    assert result.arena_bytes == artifact.arena_bytes


@pytest.mark.parametrize("name", QUICK_OR_VERIFY)
def test_emulated_cortex_m7_is_bit_exact(shared_models, name):
    data, artifact = _compile(shared_models, name, "qemu_m7")
    inputs = eight_inputs(artifact)[:3]
    result = artifact.run(inputs, board="qemu_m7")
    with _oracle(name, data) as oracle:
        assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0
    assert result.instructions > artifact.metadata.macs // 8


@pytest.mark.parametrize(
    "name", [*QUICK[2:], *(pytest.param(n, marks=pytest.mark.verify) for n in QUICK[:2])]
)
def test_emulated_cortex_m4_is_bit_exact(shared_models, name):
    data, artifact = _compile(shared_models, name, "qemu_m4")
    inputs = random_inputs(artifact, 2)
    result = artifact.run(inputs, board="qemu_m4")
    with _oracle(name, data) as oracle:
        assert check(artifact, data, inputs, result.outputs, oracle).max_abs_diff == 0


@pytest.mark.parametrize("name", QUICK_OR_VERIFY)
def test_virtual_machine_gives_the_same_bits(shared_models, name):
    data = (shared_models / f"{name}.tflite").read_bytes()
    legalized = legalize(data)
    executable = tvm.compile(LowerSegments()(legalized.module), target="llvm")
    machine = relax.VirtualMachine(executable, tvm.cpu())
    artifact = tvm_patch.compile(data, board="host")
    inputs = random_inputs(artifact, 1, seed=5)
    raw = machine["main"](*[tvm.runtime.tensor(x) for x in inputs[0]])
    results = [raw] if isinstance(raw, tvm.runtime.Tensor) else list(raw)
    firmware = artifact.run(inputs, board="host", profile=False)
    for ours, theirs in zip(results, firmware.outputs[0], strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("name", sorted(ARENA_LIMIT))
def test_arena_is_no_larger_than_the_best_peer(shared_models, name):
    _, artifact = _compile(shared_models, name, "qemu_m7")
    assert artifact.arena_bytes <= ARENA_LIMIT[name]
