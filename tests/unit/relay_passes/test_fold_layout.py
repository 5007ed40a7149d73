from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.fold_layout import FoldLayout
from relay_passes.interface import Port, interface_of, record
from tests.unit.relay_passes.builders import assert_same, conv, lookup, module, var
from tests.unit.relay_passes.models import outputs_of

PLANES, PIXELS = (1, 2, 5, 6), (1, 5, 6, 2)
TO_PIXELS = [0, 2, 3, 1]


def ported(params, write, shape):
    attrs = record({}, [Port("x", "int8", shape, 0.5, 3)], [Port("y", "int8", (1,), 0.5, 3)])
    return module(params, write, attrs)


def before_and_after(write, wanted):
    x, u = var("x", PLANES), var("x", PIXELS)
    before = ported([x], lambda b: write(b, x), PLANES)
    return before, FoldLayout()(before), module([u], lambda b: wanted(b, u))


def test_planes_become_pixels():
    def write(b, x):
        return [b.emit(conv(b.emit(relax.op.permute_dims(x, TO_PIXELS), "t")), "y", True)]

    before, after, wanted = before_and_after(write, lambda b, u: [b.emit(conv(u), "y", True)])
    assert_same(after, wanted)
    (port,), _ = interface_of(after)
    assert (port.shape, port.axes) == (PIXELS, tuple(TO_PIXELS))
    x = np.random.default_rng(1).integers(-128, 128, PLANES).astype(np.int8)
    (one,), (other,) = (
        outputs_of(before, [x]),
        outputs_of(after, [np.ascontiguousarray(x.transpose(TO_PIXELS))]),
    )
    np.testing.assert_array_equal(one, other)


def test_what_lies_between_does_not_mind():
    def write(b, x):
        made = b.emit(lookup(x, "tanh", "int8"), "l")
        return [b.emit(conv(b.emit(relax.op.permute_dims(made, TO_PIXELS), "t")), "y", True)]

    _, after, wanted = before_and_after(
        write, lambda b, u: [b.emit(conv(b.emit(lookup(u, "tanh", "int8"), "l")), "y", True)]
    )
    assert_same(after, wanted)


def test_a_single_plane_is_reshaped():
    x, u = var("x", (1, 1, 5, 6)), var("x", (1, 5, 6, 1))
    before = ported(
        [x], lambda b: [b.emit(conv(b.emit(relax.op.reshape(x, [1, 5, 6, 1]), "r")), "y", True)], (1, 1, 5, 6)
    )
    assert_same(FoldLayout()(before), module([u], lambda b: [b.emit(conv(u), "y", True)]))


@pytest.mark.parametrize(
    "write",
    [
        lambda b, x: [b.emit(conv(b.emit(relax.op.permute_dims(x, [0, 3, 2, 1]), "t"), kernel=1), "y", True)],
        lambda b, x: [
            b.emit(conv(b.emit(relax.op.permute_dims(x, TO_PIXELS), "t")), "y", True),
            b.emit(lookup(x, "tanh", "int8"), "z", True),
        ],
        lambda b, x: [
            b.emit(lookup(b.emit(relax.op.reshape(x, [1, 5, 6, 2]), "r"), "tanh", "int8"), "y", True)
        ],
    ],
)
def test_other_readers_keep_it(write):
    before, after, _ = before_and_after(write, lambda b, u: [b.emit(lookup(u, "tanh", "int8"), "y", True)])
    assert_same(after, before)


def test_the_model_s_own_interface_stays():
    x = var("x", PLANES)
    before = ported(
        [x], lambda b: [b.emit(conv(b.emit(relax.op.permute_dims(x, TO_PIXELS), "t")), "y", True)], PLANES
    )
    assert_same(FoldLayout("float")(before), before)
