"""Another run order: the same network, bit for bit, in less memory."""

from __future__ import annotations

import numpy as np
import pytest

import tvm_patch
from relay_passes.reorder_bindings import ReorderBindings
from tvm_patch.driver import check, random_inputs
from tvm_patch.driver.front import legalize
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.writer import write_model


def heads(count: int = 3) -> bytes:
    """Return a model whose heads are written layer by layer, side by side; one of them through a split."""
    b = ModelBuilder("heads")
    rng = np.random.default_rng(0)
    x = b.input("x", (1, 10, 10, 4), 0.05, 3)
    tensors = [x] * count
    for channels in (8, 6, 2):
        for i, source in enumerate(tensors):
            weight = rng.integers(-127, 128, (channels, 3, 3, b.shape(source)[3]), dtype=np.int8)
            bias = rng.integers(-99, 99, channels, dtype=np.int32)
            tensors[i] = b.conv2d(source, weight, bias, 0.01, 0.1, -5)
    left, right = b.split(b.reshape(tensors[0], (100, 2)), 2, 1)
    for out in (*tensors[1:], right, left):
        b.output(out)
    return write_model(b.finish())


def test_ordered_and_exact():
    data = heads()
    legalized = legalize(data)
    names = [op.name for op in legalized.graph.operators]
    heads_in_order = [n for n in names if "CONV" in n.upper()]
    assert len(names) == 11
    # Side by side they are 0, 1, 2, 3 ...; one after the other a head's layers are three apart.
    numbers = [int("".join(c for c in n if c.isdigit())[:2] or 0) for n in heads_in_order]
    assert numbers != sorted(numbers)
    artifact = tvm_patch.compile(data)
    inputs = random_inputs(artifact, 2, 0)
    assert check(artifact, data, inputs, artifact.run(inputs, board="host").outputs).bit_exact


def test_orders_that_cannot_be():
    module = legalize(heads()).module
    with pytest.raises(ValueError, match="permutation"):
        ReorderBindings([0, 0, 1])(module)
    with pytest.raises(ValueError, match="before it is made"):
        ReorderBindings(range(10, -1, -1))(module)
