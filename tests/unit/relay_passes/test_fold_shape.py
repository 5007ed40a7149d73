from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.fold_shape import FoldShape
from relay_passes.interface import Port, interface_of, record
from tests.unit.relay_passes.builders import assert_same, conv, lookup, module, var
from tests.unit.relay_passes.models import outputs_of

VECTOR, PICTURE = (1, 60), (1, 5, 6, 2)


def ported(params, write, shapes):
    ports = [Port(p.name, "int8", s, 0.5, 3) for p, s in zip(params, shapes, strict=True)]
    return module(params, write, record({}, ports, [Port("y", "int8", (1,), 0.5, 3)]))


def convolved(b, data, name="y"):
    return b.emit(conv(data), name, True)


def reshaped(b, data, *shape):
    return b.emit(relax.op.reshape(data, list(shape)), "r")


@pytest.mark.parametrize("shape", [VECTOR, (5, 6, 2), (60,), (1, 5, 6, 1, 2)])
def test_a_vector_becomes_the_picture_that_it_is_reshaped_to(shape):
    x, u = var("x", shape), var("x", PICTURE)
    before = ported([x], lambda b: [convolved(b, reshaped(b, x, *PICTURE))], [shape])
    after = FoldShape()(before)
    assert_same(after, module([u], lambda b: [convolved(b, u)]))
    (port,), _ = interface_of(after)
    assert (port.shape, port.file_shape, port.axes) == (PICTURE, shape, None)
    values = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    (one,), (other,) = outputs_of(before, [values]), outputs_of(after, [values.reshape(PICTURE)])
    np.testing.assert_array_equal(one, other)


def test_all_readers_want_the_same_picture():
    x, u = var("x", VECTOR), var("x", PICTURE)

    def write(b):
        return [convolved(b, reshaped(b, x, *PICTURE)), convolved(b, reshaped(b, x, *PICTURE), "z")]

    assert_same(
        FoldShape()(ported([x], write, [VECTOR])),
        module([u], lambda b: [convolved(b, u), convolved(b, u, "z")]),
    )


def test_each_input_by_itself():
    x, y, u, v = var("x", VECTOR), var("v", VECTOR), var("x", PICTURE), var("v", VECTOR)

    def write(b, first, second):
        return [convolved(b, first), b.emit(lookup(second, "tanh", "int8"), "z", True)]

    before = ported([x, y], lambda b: write(b, reshaped(b, x, *PICTURE), y), [VECTOR] * 2)
    after = FoldShape()(before)
    assert_same(after, module([u, v], lambda b: write(b, u, v)))
    assert [p.file_shape for p in interface_of(after)[0]] == [VECTOR, None]


@pytest.mark.parametrize(
    "write",
    [
        lambda b, x: [convolved(b, reshaped(b, x, *PICTURE)), b.emit(lookup(x, "tanh", "int8"), "z", True)],
        lambda b, x: [convolved(b, reshaped(b, x, *PICTURE)), convolved(b, reshaped(b, x, 1, 6, 5, 2), "z")],
        lambda b, x: [b.emit(lookup(reshaped(b, x, 1, 6, 10), "tanh", "int8"), "y", True)],
        lambda b, x: [b.emit(lookup(reshaped(b, x, 1, 1, 30, 2), "tanh", "int8"), "y", True)],
        lambda b, x: [b.emit(lookup(reshaped(b, x, 2, 5, 6, 1), "tanh", "int8"), "y", True)],
        lambda b, x: [b.emit(relax.op.reshape(x, list(PICTURE)), "y", True)],
        lambda b, x: [b.emit(lookup(x, "tanh", "int8"), "y", True)],
    ],
)
def test_what_is_read_otherwise_stays(write):
    x = var("x", VECTOR)
    before = ported([x], lambda b: write(b, x), [VECTOR])
    assert_same(FoldShape()(before), before)
    assert interface_of(FoldShape()(before)) == interface_of(before)


def test_pictures_stay():
    x = var("x", (1, 6, 5, 2))
    before = ported([x], lambda b: [convolved(b, reshaped(b, x, *PICTURE))], [(1, 6, 5, 2)])
    assert_same(FoldShape()(before), before)


def test_the_model_s_own_interface_stays():
    x = var("x", VECTOR)
    before = ported([x], lambda b: [convolved(b, reshaped(b, x, *PICTURE))], [VECTOR])
    assert_same(FoldShape("float")(before), before)
