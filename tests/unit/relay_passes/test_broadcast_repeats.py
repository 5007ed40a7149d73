from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.broadcast_repeats import BROADCASTING, BroadcastRepeats
from relay_passes.dialect import build_call
from tests.unit.relay_passes.builders import assert_same, module, var
from tests.unit.relay_passes.models import outputs_of
from tvm_patch.integer import add_attrs, mul_attrs


def joined(kind, lhs, rhs):
    make = {"mul": mul_attrs, "add": add_attrs, "sub": add_attrs}.get(kind)
    attrs = {**make(0.1, 3, 0.02, -7, 0.05, 1), "act_min": -100, "act_max": 90} if make else {}
    return build_call(kind, [lhs, rhs], **attrs)


def nearest(data, height, width):
    return build_call("resize_nearest", [data], size=[height, width], align_corners=0, half_pixel_centers=0)


def tile(data, *repeats):
    return relax.op.tile(data, list(repeats))


def operands():
    return [var("x", (1, 4, 6, 5)), var("f", (1, 1, 1, 5))]


@pytest.mark.parametrize("kind", BROADCASTING)
@pytest.mark.parametrize("repeat", [lambda f: tile(f, 1, 4, 6, 1), lambda f: nearest(f, 4, 6)])
@pytest.mark.parametrize("first", [False, True])
def test_a_repeated_pixel(kind, repeat, first):
    def write(data, factor):
        return joined(kind, *((factor, data) if first else (data, factor)))

    x, f = operands()
    before = module([x, f], lambda b: [b.emit(write(x, b.emit(repeat(f), "r")), "y", True)])
    u, v = operands()
    after = BroadcastRepeats()(before)
    assert_same(after, module([u, v], lambda b: [b.emit(write(u, v), "y", True)]))
    rng = np.random.default_rng(1)
    given = [rng.integers(-128, 128, shape).astype(np.int8) for shape in ((1, 4, 6, 5), (1, 1, 1, 5))]
    for one, other in zip(outputs_of(before, given), outputs_of(after, given), strict=True):
        np.testing.assert_array_equal(one, other)


def test_both_operands_keep_one_whole():
    x, f = var("x", (1, 4, 1, 5)), var("f", (1, 1, 6, 5))

    def write(b):
        rows, columns = b.emit(tile(x, 1, 1, 6, 1), "a"), b.emit(tile(f, 1, 4, 1, 1), "c")
        return [b.emit(joined("mul", rows, columns), "y", True)]

    u, v = var("x", (1, 4, 1, 5)), var("f", (1, 1, 6, 5))

    def wanted(b):
        return [b.emit(joined("mul", u, b.emit(tile(v, 1, 4, 1, 1), "c")), "y", True)]

    assert_same(BroadcastRepeats()(module([x, f], write)), module([u, v], wanted))


def test_what_others_read_stays():
    x, f = operands()

    def write(b):
        repeated = b.emit(tile(f, 1, 4, 6, 1), "r", True)
        return [b.emit(joined("mul", x, repeated), "y", True), repeated]

    u, v = operands()

    def wanted(b):
        repeated = b.emit(tile(v, 1, 4, 6, 1), "r", True)
        return [b.emit(joined("mul", u, v), "y", True), repeated]

    assert_same(BroadcastRepeats()(module([x, f], write)), module([u, v], wanted))


@pytest.mark.parametrize("shape", [(1, 2, 6, 5), (1, 2, 3, 5)])
def test_repetitions_of_more_than_one_stay(shape):
    x, f = var("x", (1, 4, 6, 5)), var("f", shape)
    repeats = [n // m for n, m in zip((1, 4, 6, 5), shape, strict=True)]
    before = module([x, f], lambda b: [b.emit(joined("add", x, b.emit(tile(f, *repeats), "r")), "y", True)])
    assert_same(BroadcastRepeats()(before), before)
