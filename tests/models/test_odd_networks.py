"""Networks that are sound but unusual: any type at the border, nothing but movement, outputs that are inputs."""

from __future__ import annotations

import numpy as np
import pytest

import tvm_patch
from tvm_patch import driver
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model

TYPES = ("int8", "uint8", "int32", "int64", "bool", "float32")
MOVES = {
    "reshape": lambda b, x: b.reshape(x, (1, 12)),
    "squeeze": lambda b, x: b.squeeze(x, [0]),
    "expand dims": lambda b, x: b.expand_dims(x, 0),
    "transpose to the same": lambda b, x: b.transpose(x, [0, 1, 2, 3]),
    "transpose": lambda b, x: b.transpose(x, [0, 3, 2, 1]),
    "slice": lambda b, x: b.strided_slice(x, [0, 0, 1, 0], [1, 2, 3, 2], [1, 1, 1, 1]),
    "concatenation": lambda b, x: b.concatenation([x, x], 3),
    "split": lambda b, x: b.split(x, 2, 3),
    "tile": lambda b, x: b.tile(x, [1, 2, 1, 1]),
    "gather": lambda b, x: b.gather(x, np.array([1, 0, 1], np.int32), 2),
    "pack": lambda b, x: b.pack([x, x], 1),
    "input is output": lambda _b, x: x,
    "one output twice": lambda b, x: [b.reshape(x, (1, 12))] * 2,
    "input and output": lambda b, x: [x, b.reshape(x, (12,)), x],
}
REFUSED_BY_LITERT = {("split", "bool"), ("pack", "bool")}
BESIDE = (1, 6, 6, 4)


def moved(move: str, dtype: str, beside: bool) -> bytes:
    """Return a network of one movement of one type, alone or beside a convolution."""
    b = ModelBuilder("moved")
    # A scale on int32 or int64, as some files have it, means nothing.
    x = b.input("x", (1, 2, 3, 2), scale=0.1, zero_point=3, dtype=dtype)
    made = MOVES[move](b, x)
    for y in made if isinstance(made, list | tuple) else [made]:
        b.output(y)
    if beside:
        image = b.input("image", BESIDE, scale=0.05)
        rng = np.random.default_rng(2)
        weight = rng.integers(-127, 128, (5, 3, 3, 4)).astype(np.int8)
        b.output(b.conv2d(image, weight, np.zeros(5, np.int32), np.full(5, 0.004), 0.3, 3))
    return write_model(b.finish())


def assert_exact(data: bytes, board: str = "host", **options) -> None:
    artifact = tvm_patch.compile(data, board=board, **options)
    inputs = driver.random_inputs(artifact, 2, seed=1)
    result = artifact.run(inputs, board=board)
    checked = driver.check(artifact, data, inputs, result.outputs)
    assert checked.bit_exact
    assert checked.oracle == "LiteRT BUILTIN_REF"


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("move", MOVES)
def test_movement_of_any_type(move, dtype):
    if (move, dtype) in REFUSED_BY_LITERT:
        artifact = tvm_patch.compile(moved(move, dtype, False))
        ((given,),) = driver.random_inputs(artifact, 1)
        outputs = artifact.run([[given]]).outputs[0]
        right = np.split(given, 2, 3) if move == "split" else [np.stack([given, given], 1)]
        for ours, wanted in zip(outputs, right, strict=True):
            np.testing.assert_array_equal(ours, wanted)
        return
    assert_exact(moved(move, dtype, False))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("move", ["transpose", "split", "input and output"])
def test_movement_beside_a_network(move, dtype):
    if (move, dtype) not in REFUSED_BY_LITERT:
        assert_exact(moved(move, dtype, True), "qemu_m7")


@pytest.mark.parametrize("io", ["int8", "float"])
@pytest.mark.parametrize("board", ["host", "qemu_m7"])
def test_floats_at_the_border(io, board):
    b = ModelBuilder("floats")
    x = b.quantize(b.input("x", (1, 5, 5, 3), dtype="float32"), 0.04, 5)
    rng = np.random.default_rng(2)
    weight = rng.integers(-127, 128, (5, 3, 3, 3)).astype(np.int8)
    y = b.conv2d(x, weight, np.zeros(5, np.int32), np.full(5, 0.004), 0.3, 3)
    b.output(b.dequantize(y))
    b.output(b.arg_max(y, 3, dtype="int64"))
    b.output(b.arg_max(y, 3))
    assert_exact(write_model(b.finish()), board, io=io)


@pytest.mark.parametrize("types", [("int8", "int8"), ("int8", "uint8"), ("uint8", "int8")])
@pytest.mark.parametrize("grids", [(0.1, 3, 0.037, -20), (0.02, 0, 0.02, 0), (1 / 3, 100, 2 / 3, 7)])
def test_dequantize_then_quantize_rounds_in_float(types, grids):
    """Every value of the input; a single QUANTIZE would give others."""
    grids = (grids[0], grids[1] + 64 * (types[0] == "uint8"), grids[2], grids[3] + 64 * (types[1] == "uint8"))
    b = ModelBuilder("through_float")
    x = b.input("x", (1, 256), grids[0], grids[1], dtype=types[0])
    x = b.reshape(x, (1, 256)) if types[0] == "int8" else x
    real = b.dequantize(x)
    y = b.tensor("y", (1, 256), types[1], _grid(grids[2], grids[3]))
    b.operator("QUANTIZE", [real], [y])
    b.output(y)
    data = write_model(b.finish())
    artifact = tvm_patch.compile(data, io="float")
    limits = np.iinfo(types[0])
    every = np.arange(limits.min, limits.max + 1).astype(types[0]).reshape(1, 256)
    result = artifact.run([[every]])
    assert driver.check(artifact, data, [[every]], result.outputs).bit_exact


def _grid(scale, zero_point):
    from tvm_patch.tflite.build_base import make_quantization

    return make_quantization(scale, zero_point)


@pytest.mark.parametrize(("scale", "zero_point"), [(1 / 256, -128), (1 / 255, -128), (0.01, 5), (2.0**-7, 0)])
@pytest.mark.parametrize("kind", ["LOGISTIC", "TANH"])
def test_sigmoids_with_any_scale(kind, scale, zero_point):
    """BUILTIN_REF takes one scale for LOGISTIC; LiteRT's default kernels take any, and the check says so."""
    b = ModelBuilder("sigmoid")
    x = b.input("x", (1, 256), scale=0.05, zero_point=3)
    b.output(b._apply(kind, [x], (1, 256), scale=scale, zero_point=zero_point))
    data = write_model(b.finish())
    artifact = tvm_patch.compile(data)
    every = [[np.arange(-128, 128).astype(np.int8).reshape(1, 256)]]
    checked = driver.check(artifact, data, every, artifact.run(every).outputs)
    assert checked.bit_exact
    if kind == "LOGISTIC" and scale != 1 / 256:
        assert checked.oracle == "LiteRT's default kernels"
        assert "output->params.scale == 1. / 256" in checked.refusals[0]
    else:
        assert checked.oracle == "LiteRT BUILTIN_REF"


@pytest.mark.parametrize("axis", [1, 3, -1])
def test_a_bias_with_an_axis_that_it_does_not_have(axis):
    from dataclasses import replace

    b = ModelBuilder("bias")
    x = b.input("x", (1, 5, 5, 3), scale=0.04, zero_point=5)
    rng = np.random.default_rng(2)
    weight = rng.integers(-127, 128, (5, 3, 3, 3)).astype(np.int8)
    b.output(b.conv2d(x, weight, np.arange(5, dtype=np.int32), rng.uniform(0.003, 0.005, 5), 0.3, 3))
    model = b.finish()
    tensors = [
        replace(t, quantization=replace(t.quantization, axis=axis)) if t.dtype == "int32" else t
        for t in model.tensors
    ]
    data = write_model(replace(model, tensors=tuple(tensors)))
    artifact = tvm_patch.compile(data)
    (note,) = artifact.metadata.notes
    assert f"along axis {axis}: taken for axis 0" in note
    inputs = driver.random_inputs(artifact, 1)
    checked = driver.check(artifact, data, inputs, artifact.run(inputs).outputs)
    assert checked.bit_exact
    assert checked.oracle == "LiteRT BUILTIN_REF on the mended file"


def test_a_reshape_whose_shape_is_a_matrix():
    b = ModelBuilder("matrix")
    x = b.input("x", (1, 2, 6), scale=0.1)
    shape = b.constant("shape", np.array([[1, 3, 4]], np.int32))
    y = b.tensor("y", (1, 3, 4), "int8", _grid(0.1, 0))
    b.operator("RESHAPE", [x, shape], [y], {"new_shape": (1, 3, 4)})
    b.output(y)
    assert_exact(write_model(b.finish()))


def test_what_nothing_reads_may_be_anything():
    from dataclasses import replace

    b = ModelBuilder("leftover")
    x = b.input("x", (1, 6), scale=0.1)
    b.output(b.relu(x))
    left = b.constant("left", np.zeros(3, np.int8), 1.0)
    model = b.finish()
    for quantization in (_grid(0.0, 0), _grid(float("nan"), 0), _grid(-1.0, 2**40), _grid(1.0, 300)):
        tensors = list(model.tensors)
        tensors[left] = replace(tensors[left], quantization=quantization)
        assert_exact(write_model(replace(model, tensors=tuple(tensors))))


def test_an_oracle_that_refuses_a_version():
    """BUILTIN_REF knows TILE up to version 2; LiteRT's default kernels run version 3, and so do we."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    import flatbuffers

    b = ModelBuilder("tile")
    b.output(b.tile(b.input("x", (1, 3, 2), scale=0.1), [1, 2, 2]))
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(write_model(b.finish()), 0))
    model.operatorCodes[0].version = 3
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    data = bytes(builder.Output())
    artifact = tvm_patch.compile(data)
    inputs = driver.random_inputs(artifact, 1)
    checked = driver.check(artifact, data, inputs, artifact.run(inputs).outputs)
    assert checked.bit_exact
    assert checked.oracle == "LiteRT's default kernels"
    assert "version" in checked.refusals[0]
