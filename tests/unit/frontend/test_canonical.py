from __future__ import annotations

import numpy as np
import pytest

from tvm_patch.frontend.canonical import canonicalize
from tvm_patch.frontend.names import UniqueNames, sanitise
from tvm_patch.tflite.build_base import make_quantization
from tvm_patch.tflite.builder import ModelBuilder
from tvm_patch.tflite.reader import read_model
from tvm_patch.tflite.writer import write_model


def kinds(model):
    return [op.kind for op in model.operators]


def canonical(m, *outputs):
    for tensor in outputs:
        m.output(tensor)
    model = canonicalize(m.finish()).model
    # What is written must be what was meant, and sound.
    again = read_model(write_model(model))
    assert kinds(again) == kinds(model)
    return model


def test_shape_slice_pack_reshape():
    m = ModelBuilder()
    x = m.input("x", (1, 6, 2, 2), 0.1)
    shape = m.tensor("shape", (4,), "int32")
    m.operator("SHAPE", [x], [shape], {"out_type": "int32"})
    first = m.tensor("first", (), "int32")
    bounds = [m.constant(f"c{i}", np.array([i], np.int32)) for i in (0, 1)]
    options = {"shrink_axis_mask": 1}
    m.operator("STRIDED_SLICE", [shape, bounds[0], bounds[1], bounds[1]], [first], options)
    packed = m.tensor("packed", (2,), "int32")
    m.operator("PACK", [first, m.constant("rest", np.array(24, np.int32))], [packed], {"values_count": 2})
    y = m.tensor("y", (1, 24), "int8", make_quantization(0.1))
    m.operator("RESHAPE", [x, packed], [y])
    model = canonical(m, y)
    assert kinds(model) == ["RESHAPE"]
    target = model.tensors[model.operators[0].inputs[1]]
    assert target.data is not None
    assert target.data.tolist() == [1, 24]


def test_renaming_operators_become_reshape():
    m = ModelBuilder()
    x = m.input("x", (1, 6, 1, 2), 0.1)
    assert kinds(canonical(m, m.squeeze(m.expand_dims(x, -1), [0]))) == ["RESHAPE", "RESHAPE"]


def test_pack_becomes_concatenation():
    m = ModelBuilder()
    x = m.input("x", (3, 2), 0.1)
    model = canonical(m, m.pack([x, x], -1))
    assert kinds(model) == ["RESHAPE", "RESHAPE", "CONCATENATION"]
    assert model.operators[-1].options["axis"] == 2


def test_masks_are_resolved():
    m = ModelBuilder()
    x = m.input("x", (1, 6, 7, 4), 0.1)
    y = m.strided_slice(x, (0, 1, 2, -1), (0, 0, 6, 0), begin_mask=1, end_mask=3, shrink_axis_mask=8)
    model = canonical(m, y)
    assert kinds(model) == ["STRIDED_SLICE", "RESHAPE"]
    begin, end, strides = (model.tensors[i].data.tolist() for i in model.operators[0].inputs[1:])
    assert (begin, end, strides) == ([0, 1, 2, 3], [1, 6, 6, 4], [1, 1, 1, 1])
    assert not any(model.operators[0].options.values())


def test_axes_are_sorted_and_not_negative():
    m = ModelBuilder()
    model = canonical(m, m.mean(m.input("x", (1, 6, 7, 4), 0.1), [-2, 1]))
    assert model.tensors[model.operators[0].inputs[1]].data.tolist() == [1, 2]


def test_dead_operators_and_tensors_go():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    m.relu(x, name="unused")
    model = canonical(m, m.relu6(x, name="used"))
    assert kinds(model) == ["RELU6"]
    assert [t.name for t in model.tensors] == ["x", "used"]


def test_equal_constants_are_one():
    m = ModelBuilder()
    x = m.input("x", (1, 4), 0.1)
    same = [m.constant(f"c{i}", np.ones((1, 4), np.int8), 0.5) for i in range(2)]
    other = m.constant("c2", np.ones((1, 4), np.int8), 0.25)
    y = x
    for c in (*same, other):
        y = m.add(y, c, 0.3, 0)
    used = [op.inputs[1] for op in canonical(m, y).operators]
    assert used[0] == used[1] != used[2]


def test_names_are_unique_identifiers():
    m = ModelBuilder()
    x = m.input("serving_default_x:0", (1, 4), 0.1)
    first = m.relu(x, name="")
    second = m.relu(m.relu(first, name="model/a/Relu;model/b"), name="model/a/Relu")
    model = canonical(m, second)
    names = [t.name for t in model.tensors]
    assert len(set(names)) == len(names)
    assert all(n.isidentifier() for n in names)
    assert names[0] == "x"
    assert names[-2:] == ["a_Relu", "a_Relu_1"]


def test_sources_lead_back():
    m = ModelBuilder()
    x = m.input("serving_default_x:0", (1, 4), 0.1)
    m.output(m.relu(x, name="out"))
    model = m.finish()
    sources = canonicalize(model).sources
    assert {name: model.tensors[i].name for name, i in sources.items()} == {
        "x": "serving_default_x:0",
        "out": "out",
    }


def test_fully_connected_reads_rows():
    m = ModelBuilder()
    x = m.input("x", (1, 2, 2, 3), 0.1)
    weight, bias = np.ones((5, 3), np.int8), np.zeros(5, np.int32)
    model = canonical(m, m.fully_connected(x, weight, bias, 0.1, 0.2, 0, keep_num_dims=True))
    assert kinds(model) == ["RESHAPE", "FULLY_CONNECTED", "RESHAPE"]
    dense = model.operators[1]
    assert [model.tensors[i].shape for i in (dense.inputs[0], dense.outputs[0])] == [(4, 3), (4, 5)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model/re_lu/Relu6;model/bn/x", "re_lu_Relu6"),
        ("StatefulPartitionedCall/functional_1/dense/BiasAdd", "dense_BiasAdd"),
        ("1806", "t_1806"),
        ("", "tensor"),
        ("ä;b", "tensor"),
        ("float", "t_float"),
        ("model", "t_model"),
    ],
)
def test_sanitise(name, expected):
    made = sanitise(name)
    assert made.isidentifier()
    if name != "model":
        assert made == expected


def test_unique_names_number_repeats():
    names = UniqueNames()
    assert [names.take(n) for n in ("a", "a", "a_1", "a")] == ["a", "a_1", "a_1_1", "a_2"]
