"""Files with several signatures: one is compiled, and which is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tvm_patch
from tests.unit.cli.conftest import run_app
from tvm_patch import driver
from tvm_patch.errors import UserError
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model


def one(seed: int, channels: int) -> bytes:
    b = ModelBuilder("one")
    x = b.input("x", (1, 4, 4, 2), scale=0.05)
    rng = np.random.default_rng(seed)
    weight = rng.integers(-127, 128, (channels, 3, 3, 2)).astype(np.int8)
    y = b.conv2d(x, weight, np.zeros(channels, np.int32), np.full(channels, 0.004), 0.3, 3)
    b.output(b.relu(y))
    b.output(y)
    return write_model(b.finish())


@pytest.fixture(scope="module")
def two() -> bytes:
    """Two networks in one file, as the signatures "small" and "large"."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    import flatbuffers

    models = [schema.ModelT.InitFromObj(schema.Model.GetRootAs(one(i, n), 0)) for i, n in ((0, 3), (1, 7))]
    whole = models[0]
    whole.signatureDefs = []
    for number, (model, name) in enumerate(zip(models, ("small", "large"), strict=True)):
        graph = model.subgraphs[0]
        if number:
            buffers, codes = len(whole.buffers), len(whole.operatorCodes)
            for tensor in graph.tensors:
                tensor.buffer = tensor.buffer + buffers if tensor.buffer else 0
            for operator in graph.operators:
                operator.opcodeIndex += codes
            whole.buffers += model.buffers
            whole.operatorCodes += model.operatorCodes
            whole.subgraphs.append(graph)
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = name.encode(), number
        signature.inputs, signature.outputs = [], []
        for tensors, maps in ((graph.inputs, signature.inputs), (graph.outputs, signature.outputs)):
            for i, tensor in enumerate(tensors):
                entry = schema.TensorMapT()
                entry.name, entry.tensorIndex = f"t{i}".encode(), int(tensor)
                maps.insert(0, entry)  # in another order than the subgraph has them
        whole.signatureDefs.append(signature)
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(("signature", "channels"), [(None, 3), ("small", 3), ("large", 7)])
def test_each_is_exact(two, signature, channels):
    artifact = tvm_patch.compile(two, signature=signature)
    assert artifact.metadata.outputs[0].shape == (1, 4, 4, channels)
    inputs = driver.random_inputs(artifact, 2)
    checked = driver.check(artifact, two, inputs, artifact.run(inputs).outputs, beside_default=True)
    assert checked.bit_exact
    assert checked.oracle == "LiteRT BUILTIN_REF"
    assert checked.default_diff is not None


def test_that_there_are_several_is_said(two):
    (note,) = read_model(two).notes
    assert note == "the file has signatures 'small', 'large'; this is 'small', --signature takes another"
    assert read_model(two, "large").notes == ()
    assert read_model(one(0, 3)).notes == ()


def test_another_is_refused(two):
    with pytest.raises(UserError, match="no signature 'medium'; it has 'small', 'large'"):
        read_model(two, "medium")
    with pytest.raises(UserError, match="it has none: leave the option out"):
        read_model(one(0, 3), "small")


def test_commands(two, tmp_path, capsys):
    path = tmp_path / "two.tflite"
    path.write_bytes(two)
    assert run_app(["inspect", str(path), "--json", "-"]) == 0
    assert "'large'" in json.loads(capsys.readouterr().out)["notes"][0]
    for command in (["inspect"], ["plan"], ["run", "--check"], ["compile", "-o", str(tmp_path / "a")]):
        line = [command[0], str(path), *command[1:], "--signature", "large"]
        assert run_app(line) == 0, capsys.readouterr().err
    capsys.readouterr()
    assert run_app(["run", str(tmp_path / "a"), "--check", "--model", str(path)]) == 0
    assert "bit-exact" in capsys.readouterr().out
