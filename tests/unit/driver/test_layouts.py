"""Pictures that a file takes as planes and its artifact as pixels."""

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

PLANES, PIXELS = (1, 3, 9, 8), (1, 9, 8, 3)


def model(dtype: str = "int8", axes: tuple[int, ...] = (0, 2, 3, 1)) -> bytes:
    rng = np.random.default_rng(1)
    net = ModelBuilder("planes")
    x = given = net.input("x", PLANES, scale=0.05, zero_point=7, dtype=dtype)
    if dtype == "uint8":
        x = net.quantize(given, 0.05, 7 - 128)
    x = net.transpose(x, axes)
    if dtype == "float32":
        x = net.quantize(x, 0.05, 7)
    channels = net.shape(x)[3]
    weight = rng.integers(-127, 128, (5, 3, 3, channels)).astype(np.int8)
    bias = rng.integers(-2000, 2000, 5).astype(np.int32)
    net.output(net.conv2d(x, weight, bias, 0.004, 0.1, 3))
    return write_model(net.finish())


@pytest.fixture(scope="module", params=["int8", "uint8", "float32"])
def compiled(request):
    data = model(request.param)
    return data, tvm_patch.compile(data, plan=Request(input_mode="rereadable", objective="memory"))


def test_rows_are_fetched_and_bits_are_the_reference_s(compiled):
    data, artifact = compiled
    (mine,), (theirs,) = artifact.metadata.inputs, artifact.metadata.model_inputs
    assert (mine.shape, mine.mode, theirs.axes) == (PIXELS, "rereadable", (0, 2, 3, 1))
    assert [op.kind for op in artifact.metadata.operators] == ["conv2d"]
    assert "takes pixels (NHWC), [1, 9, 8, 3]" in artifact.metadata.notes[-1]
    inputs = random_inputs(artifact, 3, 5)
    outputs = artifact.run(inputs, profile=False).outputs
    with Oracle(data) as oracle:
        assert check(artifact, data, inputs, outputs, oracle).max_abs_diff == 0


def test_arrays_of_either_order(compiled, tmp_path):
    _, artifact = compiled
    ((pixels,),) = random_inputs(artifact, 1, 6)
    (mine,), (theirs,) = artifact.metadata.inputs, artifact.metadata.model_inputs
    planes = input_to_model(pixels, theirs, mine)
    assert planes.shape == PLANES
    for name, array in (("pixels", pixels), ("planes", planes), ("one", planes[0])):
        np.save(tmp_path / f"{name}.npy", array)
        (read,) = load_inputs([tmp_path / f"{name}.npy"], artifact.metadata)
        np.testing.assert_array_equal(read, pixels)
    np.save(tmp_path / "other.npy", pixels.transpose(0, 2, 1, 3))
    with pytest.raises(
        InputError, match=r"has shape \[1, 8, 9, 3\], input 'x' has \[1, 3, 9, 8\] or \[1, 9, 8, 3\]"
    ):
        load_inputs([tmp_path / "other.npy"], artifact.metadata)


def test_the_file_s_own_interface():
    artifact = tvm_patch.compile(model(), io="float")
    assert artifact.metadata.inputs[0].shape == PLANES
    assert artifact.metadata.model_inputs[0].axes is None


def test_other_orders_cannot_be_fetched():
    with pytest.raises(
        PlanError, match=r"\(permute_dims .*needs it whole; export the network with channels last"
    ):
        tvm_patch.compile(model(axes=(0, 3, 2, 1)), plan=Request(input_mode="rereadable"))
