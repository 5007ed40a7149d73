from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.split_to_slices import SplitToSlices
from tests.unit.relay_passes.builders import assert_same, lookup, module, var
from tests.unit.relay_passes.models import outputs_of


def split(b, data, indices, axis):
    return b.emit(relax.op.split(data, indices, axis=axis), "parts")


def part(b, parts, index):
    return b.emit(lookup(b.emit(relax.TupleGetItem(parts, index), "p"), "tanh", "int8"), "y", True)


def cut(b, data, axis, begin, end):
    made = b.emit(relax.op.strided_slice(data, [axis], [begin], [end], [1]), "p")
    return b.emit(lookup(made, "tanh", "int8"), "y", True)


@pytest.mark.parametrize(
    ("indices", "axis", "wanted"),
    [
        (2, 3, [(0, 3), (3, 6)]),
        ([1, 4], -1, [(0, 1), (1, 4), (4, 6)]),
        (2, 1, [(0, 2), (2, 4)]),
        ([3], 2, [(0, 3), (3, 5)]),
    ],
)
def test_parts_are_slices(indices, axis, wanted):
    shape = (1, 4, 5, 6)
    x, u = var("x", shape), var("x", shape)

    def write(b):
        parts = split(b, x, indices, axis)
        return [part(b, parts, i) for i in range(len(wanted))]

    before = module([x], write)
    after = SplitToSlices()(before)
    assert_same(after, module([u], lambda b: [cut(b, u, axis % 4, *ends) for ends in wanted]))
    values = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    for one, other in zip(outputs_of(before, [values]), outputs_of(after, [values]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_part_may_be_an_output():
    x, u = var("x", (1, 4, 5, 6)), var("x", (1, 4, 5, 6))

    def write(b):
        return [b.emit(relax.TupleGetItem(split(b, x, 2, 3), 1), "p", True)]

    def wanted(b):
        return [b.emit(relax.op.strided_slice(u, [3], [3], [6], [1]), "p", True)]

    assert_same(SplitToSlices()(module([x], write)), module([u], wanted))


def test_vectors_stay_split():
    x = var("x", (1, 6))
    before = module([x], lambda b: [part(b, split(b, x, 2, 1), i) for i in range(2)])
    assert_same(SplitToSlices()(before), before)
