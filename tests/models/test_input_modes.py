"""Inputs that are fetched row by row: the same bits, on the host, on the emulated board and on TVM's VM."""

from __future__ import annotations

import numpy as np
import pytest
import tvm
from tvm import relax

import tvm_patch
from tests.models.networks import index
from tests.models.test_segments import OWN
from tests.segments import random_segments
from tests.unit.codegen.networks import small_network
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.front import legalize
from tvm_patch.errors import PlanError, UserError
from tvm_patch.lowering.to_vm import program_to_relax
from tvm_patch.oracle import run_oracle
from tvm_patch.planner.schedule import Schedule
from tvm_patch.planner.segments import Segment, layer_by_layer
from tvm_patch.report.flash import flash_by_kind
from tvm_patch.targets import TIR
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

FETCHED = ["rereadable", "streamed"]
REAL = ["mcunet-vww1-tinyengine-80", "mlperf-ic-resnet8-32"]


def plan(seed: int, mode: str):
    """Return random segments that suit a mode; none at all for seed 0."""
    if seed == 0:
        return layer_by_layer
    bands = 1 if mode == "streamed" else 4
    return lambda network: random_segments(network, seed, most_bands=bands)


def assert_exact(data: bytes, mode: str, seed: int, board: str = "host"):
    artifact = tvm_patch.compile(data, board=board, input_mode=mode, segments=plan(seed, mode))
    inputs = random_inputs(artifact, 2, seed)
    result = artifact.run(inputs, board=board, profile=board != "host")
    assert check(artifact, data, inputs, result.outputs).max_abs_diff == 0
    return artifact, result


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", FETCHED)
@pytest.mark.parametrize("network", OWN)
def test_own_networks(network, mode, seed):
    artifact, result = assert_exact(OWN[network](), mode, seed)
    (image,) = artifact.metadata.inputs
    assert image.mode == mode
    assert image.arena_offset is None
    assert len(set(result.rows_read)) == 1
    if mode == "streamed":
        assert result.rows_read[0] <= image.shape[1]


@pytest.mark.skipif(not index(), reason="no real networks")
@pytest.mark.parametrize("mode", FETCHED)
@pytest.mark.parametrize("name", REAL)
def test_real_networks(shared_models, name, mode):
    data = (shared_models / f"{name}.tflite").read_bytes()
    resident = tvm_patch.compile(data, segments=plan(3, mode))
    artifact, _ = assert_exact(data, mode, 3)
    assert artifact.arena_bytes <= resident.arena_bytes


@pytest.mark.parametrize("mode", FETCHED)
def test_emulated_board(mode):
    artifact, result = assert_exact(OWN["mcunet"](), mode, 5, board="qemu_m7")
    # The harness's copying counts, in the total and in the operator that reads the image.
    assert abs(sum(result.operator_instructions) - result.instructions) < result.instructions // 100
    # Constants in flash are those of the program, each under its operator.
    flash = flash_by_kind(result.flash_symbols, artifact.metadata, result.flash_bytes)
    kinds = {op.kind for op in artifact.metadata.operators}
    constants = sum(part.constant_bytes for part in flash if part.kind in kinds)
    assert constants == artifact.metadata.constant_bytes
    assert sum(part.code_bytes + part.constant_bytes for part in flash) == result.flash_bytes
    assert {"conv2d", "depthwise_conv2d"} <= {part.kind for part in flash if part.code_bytes}


def test_arena_holds_no_image():
    def two_convolutions(network):
        return [Segment((0, 1)), *layer_by_layer(network)[2:]]

    data = small_network()
    resident = tvm_patch.compile(data, segments=two_convolutions)
    fetched = tvm_patch.compile(data, segments=two_convolutions, input_mode="streamed")
    image = resident.metadata.inputs[0].bytes
    io = [a.metadata.memory.functions.main[0].io_size_bytes for a in (resident, fetched)]
    assert fetched.arena_bytes < resident.arena_bytes
    assert io[0] - io[1] == image


@pytest.mark.parametrize("seed", range(3))
def test_virtual_machine_is_given_the_tensor(seed):
    data = small_network()
    legalized = legalize(data, target=TIR)
    network = legalized.describe()[1]
    schedule = Schedule.of(network, plan(seed, "rereadable")(network), "rereadable")
    program = legalized.lower(schedule)
    machine = relax.VirtualMachine(tvm.compile(program_to_relax(program), target="llvm"), tvm.cpu())
    x = np.random.default_rng(seed).integers(-128, 128, (1, 9, 7, 3)).astype(np.int8)
    got = machine["main"](tvm.runtime.tensor(x)).numpy()
    np.testing.assert_array_equal(got, run_oracle(data, [x]).outputs[0])


def test_virtual_machine_reads_unsigned_rows():
    data = _unsigned()
    program = legalize(data, io="float", target=TIR).lower(input_mode="rereadable")
    machine = relax.VirtualMachine(tvm.compile(program_to_relax(program), target="llvm"), tvm.cpu())
    x = np.random.default_rng(0).integers(0, 256, (1, 6, 5, 3)).astype(np.uint8)
    got = machine["main"](tvm.runtime.tensor(x)).numpy()
    np.testing.assert_array_equal(got, run_oracle(data, [x]).outputs[0])


def _two_inputs() -> bytes:
    b = ModelBuilder("two")
    x = b.input("left", (1, 6, 5, 3), scale=0.02, zero_point=-5)
    y = b.input("right", (1, 6, 5, 3), scale=0.03, zero_point=4)
    b.output(b.add(x, y, 0.04, 1))
    return write_model(b.finish())


@pytest.mark.parametrize("mode", FETCHED)
def test_two_fetched_inputs(mode):
    _, result = assert_exact(_two_inputs(), mode, 0)
    assert result.rows_read == [12, 12]


def _unsigned() -> bytes:
    b = ModelBuilder("unsigned")
    x = b.input("x", (1, 6, 5, 3), scale=0.02, zero_point=128, dtype="uint8")
    b.output(b.quantize(x, 0.02, 0))
    return write_model(b.finish())


def test_unsigned_input():
    data = _unsigned()
    artifact = tvm_patch.compile(data, io="float", input_mode="streamed")
    assert artifact.metadata.inputs[0].dtype == "uint8"
    inputs = random_inputs(artifact, 2)
    assert check(artifact, data, inputs, artifact.run(inputs).outputs).bit_exact


@pytest.mark.parametrize("board", ["host", "qemu_m7"])
@pytest.mark.parametrize("row", [0, 4, 8])
def test_a_row_that_cannot_be_given_ends_the_run_with_the_sources_own_error(row, board):
    artifact = tvm_patch.compile(small_network(), board=board, input_mode="streamed")
    ((image,),) = random_inputs(artifact)

    def source(wanted: int) -> np.ndarray:
        if wanted == row:
            raise OSError("the camera is unplugged")
        return image[0, wanted]

    with pytest.raises(OSError, match="camera is unplugged"):
        artifact.run([[source]], board=board, profile=False)


def _matrix() -> bytes:
    b = ModelBuilder("matrix")
    x = b.input("x", (1, 12), scale=0.02, zero_point=-5)
    rng = np.random.default_rng(0)
    weight = rng.integers(-127, 128, (4, 12)).astype(np.int8)
    b.output(b.fully_connected(x, weight, np.zeros(4, np.int32), 0.01, 0.2, 10))
    return write_model(b.finish())


def _flattened() -> bytes:
    b = ModelBuilder("whole")
    x = b.input("x", (1, 2, 2, 3), scale=0.02, zero_point=-5)
    b.output(b.softmax(b.reshape(x, (1, 12))))
    return write_model(b.finish())


@pytest.mark.parametrize("mode", FETCHED)
def test_inputs_that_have_no_rows(mode):
    with pytest.raises(UserError, match=f"cannot be {mode}: operator 0 .fully_connected .*12. has no rows"):
        tvm_patch.compile(_matrix(), input_mode=mode)
    with pytest.raises(UserError, match=f"input x cannot be {mode}: operator 1 .softmax .* needs it whole"):
        tvm_patch.compile(_flattened(), input_mode=mode)


def test_unknown_mode():
    with pytest.raises(UserError, match="input mode 'telepathy' is unknown; use resident"):
        tvm_patch.compile(small_network(), input_mode="telepathy")


def test_streamed_rows_come_once():
    def two_bands(network):
        return [Segment((0,), 2), *layer_by_layer(network)[1:]]

    def again(network):
        return [Segment((0,)), Segment((0, 1)), *layer_by_layer(network)[2:]]

    tvm_patch.compile(small_network(), segments=two_bands, input_mode="rereadable")
    with pytest.raises(PlanError, match=r"segments\[0\].bands: input image is streamed.*; use one band"):
        tvm_patch.compile(small_network(), segments=two_bands, input_mode="streamed")
    with pytest.raises(
        PlanError, match=r"segments\[1\].operators: input image is streamed.* for segments\[0\]"
    ):
        tvm_patch.compile(small_network(), segments=again, input_mode="streamed")
