"""Fetched inputs whose first reader reduces them, or reshapes a vector to a picture; and those that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import tvm_patch
from tvm_patch.cli.inputs import load_inputs
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.domain import input_to_model
from tvm_patch.errors import InputError, PlanError
from tvm_patch.oracle import Oracle
from tvm_patch.planner.choose import Request
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

SHAPE = (1, 24, 20, 6)
MODES = ("rereadable", "streamed")


class Net(ModelBuilder):
    """Adds layers with random weights."""

    rng = np.random.default_rng(3)

    def convolved(self, x: int, channels: int = 5, kernel: int = 3) -> int:
        weight = self.rng.integers(-127, 128, (channels, kernel, kernel, self.shape(x)[3])).astype(np.int8)
        bias = self.rng.integers(-2000, 2000, channels).astype(np.int32)
        return self.conv2d(x, weight, bias, 0.004, 0.1, 3)

    def dense(self, x: int, units: int = 7) -> int:
        x = self.reshape(x, (1, -1))
        weight = self.rng.integers(-127, 128, (units, self.shape(x)[1])).astype(np.int8)
        bias = self.rng.integers(-2000, 2000, units).astype(np.int32)
        return self.fully_connected(x, weight, bias, 0.004, 0.5, 3)


def given(shape=SHAPE, dtype: str = "int8") -> tuple[Net, int]:
    net = Net("first")
    return net, net.input("x", shape, scale=0.05, zero_point=7, dtype=dtype)


def finished(net: Net, *outputs: int) -> bytes:
    for output in outputs:
        net.output(output)
    return write_model(net.finish())


def mean() -> bytes:
    net, x = given()
    return finished(net, net.dense(net.mean(x, (1, 2), 0.04, 3)))


def mean_alone() -> bytes:
    net, x = given()
    return finished(net, net.mean(x, (1, 2), 0.04, 3, keep_dims=True))


def average_pool() -> bytes:
    net, x = given()
    return finished(net, net.average_pool2d(x, SHAPE[1:3], padding="VALID"))


def largest() -> bytes:
    net, x = given()
    return finished(net, net.dense(net.reduce_max(x, (1, 2))))


def dense() -> bytes:
    net, x = given()
    return finished(net, net.dense(x))


def dense_of_floats() -> bytes:
    net, x = given(dtype="float32")
    return finished(net, net.dense(net.quantize(x, 0.05, 7)))


REDUCING = [mean, mean_alone, average_pool, largest, dense, dense_of_floats]


def vector() -> bytes:
    """A keyword spotter's features, all in one row."""
    net, x = given((1, 24 * 20))
    return finished(net, net.dense(net.convolved(net.reshape(x, (1, 24, 20, 1)))))


def planes_without_a_batch() -> bytes:
    net, x = given((3, 24, 20))
    x = net.transpose(net.reshape(x, (1, 3, 24, 20)), (0, 2, 3, 1))
    return finished(net, net.convolved(x))


def features_of_floats() -> bytes:
    net, x = given((24, 20), "float32")
    return finished(net, net.convolved(net.expand_dims(net.expand_dims(net.quantize(x, 0.05, 7), 0), -1)))


RESHAPED = {
    vector: ((1, 480), (1, 24, 20, 1)),
    planes_without_a_batch: ((3, 24, 20), (1, 24, 20, 3)),
    features_of_floats: ((24, 20), (1, 24, 20, 1)),
}


def squeeze() -> bytes:
    """A mean of the input and a product with it: rows are read twice."""
    net, x = given()
    factor = net.logistic(net.convolved(net.mean(x, (1, 2), 0.04, 3, keep_dims=True), SHAPE[3], 1))
    return finished(net, net.convolved(net.mul(x, factor, 0.05, 0)))


def assert_exact(data: bytes, request: Request, board: str = "host") -> tvm_patch.Artifact:
    artifact = tvm_patch.compile(data, board=board, plan=request)
    assert [i.mode for i in artifact.metadata.inputs] == [request.input_mode]
    inputs = random_inputs(artifact, 3, 5)
    outputs = artifact.run(inputs, board=board, profile=False).outputs
    with Oracle(data, isolate=True) as oracle:
        assert check(artifact, data, inputs, outputs, oracle).max_abs_diff == 0
    return artifact


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", REDUCING)
def test_a_reduction_holds_one_row(make, mode):
    artifact = assert_exact(make(), Request(input_mode=mode, objective="memory"))
    whole = tvm_patch.compile(make())
    row = SHAPE[2] * SHAPE[3]
    assert artifact.arena_bytes < row + 120 < whole.arena_bytes / 10


@pytest.mark.parametrize("scheme", ["layer", "auto"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [mean, dense])
def test_layer_by_layer_too(make, mode, scheme):
    request = Request(input_mode=mode, scheme=scheme)
    assert_exact(make(), request)
    assert tvm_patch.compile(make(), input_mode=mode).metadata.input_mode == mode


def test_rows_that_are_read_twice():
    assert_exact(squeeze(), Request(input_mode="rereadable", objective="memory"))
    with pytest.raises(
        PlanError, match=r"\(mean .*\) needs all of its rows, which operator \d \(mul .* rereadable"
    ):
        tvm_patch.compile(squeeze(), plan=Request(input_mode="streamed"))


@pytest.mark.parametrize("make", [mean, dense, vector])
def test_on_the_emulated_board(make):
    assert_exact(make(), Request(input_mode="streamed", objective="memory"), "qemu_m7")


@pytest.mark.parametrize("mode", ["resident", *MODES])
@pytest.mark.parametrize("make", RESHAPED)
def test_a_vector_comes_as_the_picture_that_it_is_reshaped_to(make, mode):
    in_file, picture = RESHAPED[make]
    artifact = assert_exact(make(), Request(input_mode=mode, objective="memory"))
    (mine,), (theirs,) = artifact.metadata.inputs, artifact.metadata.model_inputs
    assert (mine.shape, theirs.shape) == (picture, in_file)
    assert not {op.kind for op in artifact.metadata.operators} & {"reshape", "permute_dims"}
    assert (
        f"takes a picture, {list(picture)}: the file's takes {list(in_file)}" in artifact.metadata.notes[-1]
    )


@pytest.mark.parametrize("make", RESHAPED)
def test_arrays_of_either_shape(make, tmp_path):
    artifact = tvm_patch.compile(make())
    ((picture,),) = random_inputs(artifact, 1, 6)
    (mine,), (theirs,) = artifact.metadata.inputs, artifact.metadata.model_inputs
    in_file = input_to_model(picture, theirs, mine)
    assert in_file.shape == RESHAPED[make][0]
    for name, array in (("picture", picture), ("file", in_file)):
        np.save(tmp_path / f"{name}.npy", array)
        (read,) = load_inputs([tmp_path / f"{name}.npy"], artifact.metadata)
        np.testing.assert_array_equal(read, picture)
    np.save(tmp_path / "other.npy", picture.reshape(2, -1))
    with pytest.raises(InputError, match=r"has shape \[2, \d+\], input 'x' has \[.*\] or \[.*\]"):
        load_inputs([tmp_path / "other.npy"], artifact.metadata)


def test_the_file_s_own_interface():
    artifact = tvm_patch.compile(vector(), io="float")
    assert artifact.metadata.inputs[0].shape == (1, 480)
    assert artifact.metadata.model_inputs[0].shape is None


def refused(net: Net, *outputs: int) -> str:
    with pytest.raises(PlanError) as error:
        tvm_patch.compile(finished(net, *outputs), plan=Request(input_mode="streamed"))
    return str(error.value)


def test_who_needs_it_whole_is_named():
    net, x = given((1, 480))
    text = refused(net, net.dense(x))
    assert "input x cannot be streamed: operator 0 (fully_connected" in text
    assert (
        "needs it whole, for [1, 480] has no rows: export the network with an input of shape (1, height"
        in text
    )
    net, x = given()
    assert "operator 1 (softmax" in refused(net, net.softmax(net.reshape(x, (1, 480, 6))))
