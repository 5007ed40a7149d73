from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.dialect import build_call
from relay_passes.move_transposes import MoveTransposes
from relay_passes.simplify_movement import SimplifyMovement
from relay_passes.straight_line import StraightLine, constant, op_name, shape_of
from tests.unit.relay_passes.builders import assert_same, conv, lookup, module, pad, var
from tests.unit.relay_passes.models import outputs_of
from tvm_patch.integer import add_attrs, mean_attrs, mul_attrs

TO_PLANES, TO_PIXELS = (0, 3, 1, 2), (0, 2, 3, 1)
SHAPE = (1, 4, 6, 5)
PLANES = (1, 5, 4, 6)


def transposed(data, axes):
    return relax.op.permute_dims(data, list(axes))


def joined(kind, lhs, rhs):
    make = mul_attrs if kind == "mul" else add_attrs
    attrs = {**make(0.1, 3, 0.02, -7, 0.05, 1), "act_min": -100, "act_max": 90}
    return build_call(kind, [lhs, rhs], **attrs)


def reduced(data, axes, keepdims):
    count = int(np.prod([shape_of(data)[a] for a in axes]))
    attrs = mean_attrs(0.1, 3, 0.08, -4, count)
    return build_call("mean", [data], axes=list(axes), keepdims=keepdims, **attrs)


def dense(data, weight):
    outputs = len(weight)
    numbers = [np.arange(outputs, dtype=np.int32), np.full(outputs, 3 << 50), np.full(outputs, -8, np.int32)]
    return build_call(
        "fully_connected", [data, constant(weight), *map(constant, numbers)], output_shape=[1, outputs],
        input_zero_point=3, output_zero_point=-2, act_min=-128, act_max=127,
    )  # fmt: skip


def assert_moves(write, wanted, shapes=(SHAPE,)):
    """Assert what becomes of a function, and that its results stay."""
    given, others = ([var(f"x{i}", s) for i, s in enumerate(shapes)] for _ in range(2))
    before = module(given, lambda b: write(b, *given))
    after = MoveTransposes()(before)
    assert_same(after, module(others, lambda b: wanted(b, *others)))
    assert_same_results(before, after)


def assert_same_results(before, after, seed=1):
    rng = np.random.default_rng(seed)
    shapes = [shape_of(p) for p in before["main"].params]
    inputs = [rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes]
    for one, other in zip(outputs_of(before, inputs), outputs_of(after, inputs), strict=True):
        np.testing.assert_array_equal(one, other)


def alpha(shape):
    return np.arange(int(np.prod(shape)), dtype=np.int8).reshape(shape)


CASES = {
    "lookup": (lambda x: lookup(x, "tanh", "int8", 0), lambda x: lookup(x, "tanh", "int8", 0)),
    "constant of channels": (
        lambda x: joined("mul", x, constant(alpha((1, 5, 1, 1)))),
        lambda x: joined("mul", x, constant(alpha((1, 1, 1, 5)))),
    ),
    "constant of rows and channels": (
        lambda x: joined("add", constant(alpha((5, 4, 1))), x),
        lambda x: joined("add", constant(alpha((5, 4, 1)).transpose(1, 2, 0)[None]), x),
    ),
    "a single constant": (
        lambda x: joined("add", x, constant(np.int8(9))),
        lambda x: joined("add", x, constant(np.int8(9))),
    ),
    "with itself": (lambda x: joined("mul", x, x), lambda x: joined("mul", x, x)),
    "pad": (
        lambda x: build_call("pad", [x], pad_width=[0, 0, 1, 2, 0, 3, 4, 0], pad_value=7),
        lambda x: build_call("pad", [x], pad_width=[0, 0, 0, 3, 4, 0, 1, 2], pad_value=7),
    ),
    "slice": (
        lambda x: relax.op.strided_slice(x, [1, 3], [1, 0], [5, 6], [2, 1]),
        lambda x: relax.op.strided_slice(x, [3, 2], [1, 0], [5, 6], [2, 1]),
    ),
    "concatenation": (
        lambda x: relax.op.concat([x, x], axis=1),
        lambda x: relax.op.concat([x, x], axis=3),
    ),
    "mean": (lambda x: reduced(x, (2,), 1), lambda x: reduced(x, (1,), 1)),
    "maximum": (
        lambda x: build_call("reduce_max", [x], axes=[3], keepdims=1),
        lambda x: build_call("reduce_max", [x], axes=[2], keepdims=1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_pair_around(name):
    there, here = CASES[name]

    def write(b, x):
        planes = b.emit(there(b.emit(transposed(x, TO_PLANES), "a")), "c")
        return [b.emit(conv(b.emit(transposed(planes, TO_PIXELS), "d")), "y", True)]

    def wanted(b, x):
        return [b.emit(conv(b.emit(here(x), "c")), "y", True)]

    if name in ("mean", "maximum"):  # one row or one column left is too little for a window

        def end(b, v):
            return b.emit(lookup(v, "tanh", "int8"), "y", True)

        def write(b, x):
            planes = b.emit(there(b.emit(transposed(x, TO_PLANES), "a")), "c")
            return [end(b, b.emit(transposed(planes, TO_PIXELS), "d"))]

        def wanted(b, x):
            return [end(b, b.emit(here(x), "c"))]

    assert_moves(write, wanted)


def test_mean_of_planes_without_its_axes():
    def write(b, x):
        return [b.emit(reduced(b.emit(transposed(x, TO_PLANES), "a"), (2, 3), 0), "y", True)]

    assert_moves(write, lambda b, x: [b.emit(reduced(x, (1, 2), 0), "y", True)])


def test_a_residual_of_planes():
    def write(b, x):
        planes = b.emit(transposed(x, TO_PLANES), "a")
        pixels = b.emit(transposed(b.emit(lookup(planes, "tanh", "int8"), "l"), TO_PIXELS), "c")
        made = b.emit(transposed(b.emit(conv(pixels, 5, kernel=1), "v"), TO_PLANES), "d")
        total = b.emit(joined("add", made, planes), "s")
        return [b.emit(conv(b.emit(transposed(total, TO_PIXELS), "e")), "y", True)]

    def wanted(b, x):
        made = b.emit(conv(b.emit(lookup(x, "tanh", "int8"), "l"), 5, kernel=1), "v")
        return [b.emit(conv(b.emit(joined("add", made, x), "s")), "y", True)]

    assert_moves(write, wanted)


def test_weights_take_the_order_of_planes():
    weight = np.arange(360).reshape(3, 120).astype(np.int8)

    def write(b, x):
        return [b.emit(dense(b.emit(transposed(x, TO_PLANES), "a"), weight), "y", True)]

    ordered = weight.reshape(3, 5, 4, 6).transpose(0, 2, 3, 1).reshape(3, 120)
    assert_moves(write, lambda b, x: [b.emit(dense(x, ordered), "y", True)])


def test_squeeze_and_excite_of_planes():
    """Factors are a reshape away: after SimplifyMovement there is no movement."""

    def write(b, x):
        planes = b.emit(transposed(x, TO_PLANES), "a")
        mean = b.emit(transposed(b.emit(reduced(planes, (2, 3), 1), "m"), TO_PIXELS), "p")
        factor = b.emit(transposed(b.emit(conv(mean, 5, kernel=1), "f"), TO_PLANES), "q")
        scaled = b.emit(joined("mul", planes, factor), "s")
        return [b.emit(conv(b.emit(transposed(scaled, TO_PIXELS), "e")), "y", True)]

    def wanted(b, x):
        factor = b.emit(conv(b.emit(reduced(x, (1, 2), 1), "m"), 5, kernel=1), "f")
        return [b.emit(conv(b.emit(joined("mul", x, factor), "s")), "y", True)]

    x, u = var("x", SHAPE), var("x", SHAPE)
    before = module([x], lambda b: write(b, x))
    after = SimplifyMovement()(MoveTransposes()(SimplifyMovement()(before)))
    assert_same(after, module([u], lambda b: wanted(b, u)))
    assert_same_results(before, after)


@pytest.mark.parametrize(
    "write",
    [
        # Where the picture comes as planes, somebody must put it into pixels.
        lambda b, x: [b.emit(conv(b.emit(transposed(x, TO_PIXELS), "a")), "y", True)],
        # Behind the lookup as much would be transposed.
        lambda b, x: [b.emit(lookup(b.emit(transposed(x, TO_PLANES), "a"), "tanh", "int8"), "y", True)],
        # Behind the padding more.
        lambda b, x: [b.emit(pad(b.emit(transposed(x, TO_PLANES), "a"), 1, 1, 1, 1), "y", True)],
    ],
)
def test_what_gains_nothing_stays(write):
    x = var("x", SHAPE)
    before = module([x], lambda b: write(b, x))
    assert_same(MoveTransposes()(before), before)


def test_outputs_keep_their_order():
    def write(b, x):
        there = b.emit(transposed(x, TO_PLANES), "a")
        back = b.emit(transposed(b.emit(lookup(there, "tanh", "int8"), "l", True), TO_PIXELS), "c")
        return [b.emit(conv(back), "y", True), b.emit(lookup(there, "tanh", "int8", 1), "z", True)]

    x = var("x", SHAPE)
    before = module([x], lambda b: write(b, x))
    after = MoveTransposes()(before)
    assert_same_results(before, after)
    assert [shape_of(o) for o in StraightLine.main_of(after).outputs] == [
        shape_of(o) for o in StraightLine.main_of(before).outputs
    ]


def random_function(seed):
    """Return a function of random operators and transposes over tensors of ranks 4."""
    rng = np.random.default_rng(seed)
    x = var("x", (1, *(int(n) for n in rng.integers(1, 5, 3))))

    def step(b, name, known):
        a = known[int(rng.integers(len(known)))]
        shape = shape_of(a)
        alike = [k for k in known if shape_of(k) == shape]
        other = alike[int(rng.integers(len(alike)))]
        axis, which = int(rng.integers(1, 4)), int(rng.integers(9))
        if which < 4:
            return transposed(a, (0, *(int(i) for i in 1 + rng.permutation(3))))
        if which == 4:
            return lookup(a, "tanh", "int8")
        if which == 5:
            return joined(str(rng.choice(["add", "mul"])), a, other)
        if which == 6:
            held = [int(n) if rng.integers(2) else 1 for n in shape][int(rng.integers(2)) :]
            return joined("add", a, constant(rng.integers(-128, 128, held).astype(np.int8)))
        if which == 7:
            return relax.op.concat([a, other], axis=axis) if shape[axis] < 8 else lookup(a, "tanh", "int8")
        return reduced(a, (axis,), 1)

    def write(b):
        known = [x]
        for i in range(12):
            known.append(b.emit(step(b, f"t{i}", known), f"t{i}", i > 9))
        return known[-2:]

    return module([x], write)


def test_random_functions():
    gone = 0
    for seed in range(150):
        before = random_function(seed)
        after = MoveTransposes()(before)
        assert_same_results(before, after, seed)
        counts = [
            sum(op_name(v) == "relax.permute_dims" for _, v in StraightLine.main_of(m).bindings)
            for m in (before, after)
        ]
        gone += counts[0] - counts[1]
    assert gone > 50
