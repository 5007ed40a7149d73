from __future__ import annotations

import numpy as np
from tvm import relax

from relay_passes.dialect import build_call
from relay_passes.simplify_movement import SimplifyMovement
from relay_passes.straight_line import constant
from tests.unit.relay_passes.builders import assert_same, conv, module, pad, pool, var


def reshape(x, *shape):
    return relax.op.reshape(x, list(shape))


def test_reshape_of_reshape_is_one():
    x = var("x", (2, 6))
    before = module([x], lambda b: [b.emit(reshape(b.emit(reshape(x, 3, 4), "a"), 12), "y", True)])
    y = var("x", (2, 6))
    assert_same(SimplifyMovement()(before), module([y], lambda b: [b.emit(reshape(y, 12), "y", True)]))


def test_nothing_left_of_a_round_trip():
    x = var("x", (1, 4, 4, 2))

    def write(b):
        there = b.emit(reshape(x, 32), "a")
        back = b.emit(reshape(there, 1, 4, 4, 2), "c")
        return [b.emit(conv(back), "y", True)]

    y = var("x", (1, 4, 4, 2))
    assert_same(SimplifyMovement()(module([x], write)), module([y], lambda b: [b.emit(conv(y), "y", True)]))


def test_transpose_of_ones_is_a_reshape():
    x = var("x", (1, 4, 1, 2))
    before = module([x], lambda b: [b.emit(relax.op.permute_dims(x, [0, 2, 1, 3]), "y", True)])
    y = var("x", (1, 4, 1, 2))
    assert_same(
        SimplifyMovement()(before), module([y], lambda b: [b.emit(reshape(y, 1, 1, 4, 2), "y", True)])
    )


def test_padding_by_nothing_goes():
    x = var("x", (1, 4, 4, 2))

    def write(b):
        nothing = b.emit(pad(x, 0, 0, 0, 0), "a")
        return [b.emit(conv(nothing), "y", True)]

    y = var("x", (1, 4, 4, 2))
    assert_same(SimplifyMovement()(module([x], write)), module([y], lambda b: [b.emit(conv(y), "y", True)]))


def test_real_padding_stays():
    x = var("x", (1, 4, 4, 2))
    before = module([x], lambda b: [b.emit(pad(x, 0, 1, 0, 0), "y", True)])
    assert_same(SimplifyMovement()(before), before)


def test_real_transpose_stays():
    x = var("x", (1, 4, 3, 2))
    before = module([x], lambda b: [b.emit(relax.op.permute_dims(x, [0, 2, 1, 3]), "y", True)])
    assert_same(SimplifyMovement()(before), before)


def test_fully_connected_reads_any_shape():
    def dense(data):
        ints = [constant(np.zeros(3, np.int32)) for _ in range(3)]
        return build_call(
            "fully_connected", [data, constant(np.ones((3, 9), np.int8)), *ints], output_shape=[1, 3],
            input_zero_point=0, output_zero_point=0, act_min=-128, act_max=127,
        )  # fmt: skip

    x = var("x", (1, 4, 4, 1))

    def write(b):
        small = b.emit(pool("max_pool2d", x), "m")
        return [b.emit(dense(b.emit(reshape(small, 1, 9), "r")), "y", True)]

    y = var("x", (1, 4, 4, 1))
    after = module([y], lambda b: [b.emit(dense(b.emit(pool("max_pool2d", y), "m")), "y", True)])
    assert_same(SimplifyMovement()(module([x], write)), after)


def test_output_keeps_its_binding():
    x = var("x", (2, 6))
    before = module([x], lambda b: [b.emit(reshape(x, 2, 6), "y", True)])
    assert_same(SimplifyMovement()(before), before)
