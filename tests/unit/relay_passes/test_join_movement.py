from __future__ import annotations

import numpy as np
import pytest
from tvm import relax

from relay_passes.dialect import build_call
from relay_passes.join_movement import JoinMovement
from tests.unit.relay_passes.builders import assert_same, conv, lookup, module, var
from tests.unit.relay_passes.models import outputs_of

TO_PLANES, TO_PIXELS = [0, 3, 1, 2], [0, 2, 3, 1]


def chain(b, data, *moves):
    """Emit reshapes (tuples) and transposes (lists) one after the other."""
    for k, move in enumerate(moves):
        op = relax.op.reshape if isinstance(move, tuple) else relax.op.permute_dims
        data = b.emit(op(data, list(move)), f"m{k}")
    return data


def rearrange(b, data, split, order, shape, name="m"):
    return b.emit(build_call("rearrange", [data], split=split, order=order, shape=shape), name)


def compare(shape, write, wanted):
    """Check what the pass makes of a function of one input, and that it means the same."""
    x, u = var("x", shape), var("x", shape)
    before = module([x], lambda b: write(b, x))
    after = JoinMovement()(before)
    assert_same(after, module([u], lambda b: wanted(b, u)))
    values = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    for one, other in zip(outputs_of(before, [values]), outputs_of(after, [values]), strict=True):
        np.testing.assert_array_equal(one, other)


def end(b, data):
    return [b.emit(lookup(data, "tanh", "int8"), "y", True)]


PIXELS = {
    "space_to_depth": (
        (1, 6, 8, 3),
        [(1, 3, 2, 4, 2, 3), [0, 1, 3, 2, 4, 5], (1, 3, 4, 12)],
        ([3, 2, 4, 6], [0, 2, 1, 3], (1, 3, 4, 12)),
    ),
    "space_to_depth_channels_first": (
        (1, 6, 8, 3),
        [(1, 3, 2, 4, 2, 3), [0, 1, 3, 5, 2, 4], (1, 3, 4, 12)],
        ([3, 2, 4, 2, 3], [0, 2, 4, 1, 3], (1, 3, 4, 12)),
    ),
    "in_four_dimensions": (
        (1, 6, 8, 3),
        [(3, 2, 4, 6), [0, 2, 1, 3], (1, 3, 4, 12)],
        ([3, 2, 4, 6], [0, 2, 1, 3], (1, 3, 4, 12)),
    ),
    "rows_and_columns_one_after_the_other": (
        (1, 6, 8, 3),
        [(1, 6, 4, 6), (1, 3, 2, 4, 6), [0, 1, 3, 2, 4], (1, 3, 4, 2, 6), (1, 3, 4, 12)],
        ([3, 2, 4, 6], [0, 2, 1, 3], (1, 3, 4, 12)),
    ),
    "depth_to_space": (
        (1, 3, 4, 12),
        [(1, 3, 4, 2, 2, 3), [0, 1, 3, 2, 4, 5], (1, 6, 8, 3)],
        ([3, 4, 2, 6], [0, 2, 1, 3], (1, 6, 8, 3)),
    ),
    "pixel_shuffle": (
        (1, 3, 4, 12),
        [(1, 3, 4, 3, 2, 2), [0, 1, 4, 2, 5, 3], (1, 6, 8, 3)],
        ([3, 4, 3, 2, 2], [0, 3, 1, 4, 2], (1, 6, 8, 3)),
    ),
    "channel_shuffle": (
        (1, 3, 4, 12),
        [(1, 3, 4, 3, 4), [0, 1, 2, 4, 3], (1, 3, 4, 12)],
        ([12, 3, 4], [0, 2, 1], (1, 3, 4, 12)),
    ),
}


@pytest.mark.parametrize("name", PIXELS)
def test_pixels(name):
    shape, moves, wanted = PIXELS[name]
    compare(
        shape,
        lambda b, x: end(b, chain(b, b.emit(conv(x, shape[3], kernel=1), "c"), *moves)),
        lambda b, u: end(b, rearrange(b, b.emit(conv(u, shape[3], kernel=1), "c"), *wanted)),
    )


SHUFFLED = [(1, 3, 2, 2, 4, 5), [0, 1, 4, 2, 5, 3], (1, 3, 8, 10)]
UNSHUFFLED = [(1, 3, 4, 2, 5, 2), [0, 1, 3, 5, 2, 4], (1, 12, 4, 5)]
PLANES = {
    "pixel_shuffle": ((1, 12, 4, 5), SHUFFLED, ([4, 5, 3, 2, 2], [0, 3, 1, 4, 2], (1, 8, 10, 3))),
    "pixel_unshuffle": ((1, 3, 8, 10), UNSHUFFLED, ([4, 2, 5, 2, 3], [0, 2, 4, 1, 3], (1, 4, 5, 12))),
}


@pytest.mark.parametrize("name", PLANES)
def test_planes_are_rearranged_as_pixels_where_the_transposes_can_go(name):
    shape, moves, wanted = PLANES[name]
    pixels = tuple(shape[a] for a in TO_PIXELS)

    def write(b, x):
        planes = b.emit(relax.op.permute_dims(x, TO_PLANES), "p")
        made = chain(b, b.emit(lookup(planes, "tanh", "int8"), "l"), *moves)
        made = b.emit(lookup(made, "relu", "int8"), "k")
        return end(b, b.emit(relax.op.permute_dims(made, TO_PIXELS), "q"))

    def expected(b, u):
        planes = b.emit(relax.op.permute_dims(u, TO_PLANES), "p")
        made = b.emit(relax.op.permute_dims(b.emit(lookup(planes, "tanh", "int8"), "l"), TO_PIXELS), "r")
        made = b.emit(relax.op.permute_dims(rearrange(b, made, *wanted), TO_PLANES), "s")
        made = b.emit(lookup(made, "relu", "int8"), "k")
        return end(b, b.emit(relax.op.permute_dims(made, TO_PIXELS), "q"))

    compare(pixels, write, expected)


def test_planes_between_pixels_are_skipped():
    shape, moves, wanted = PLANES["pixel_shuffle"]
    pixels = tuple(shape[a] for a in TO_PIXELS)
    compare(
        pixels,
        lambda b, x: end(b, chain(b, x, TO_PLANES, *moves, TO_PIXELS)),
        lambda b, u: end(b, rearrange(b, u, *wanted)),
    )


def test_planes_that_stay_planes_stay():
    shape, moves, _ = PLANES["pixel_shuffle"]
    x = var("x", shape)
    before = module([x], lambda b: end(b, chain(b, x, *moves)))
    assert_same(JoinMovement()(before), before)


def test_two_readers_in_two_layouts_share_what_is_rearranged():
    shape, moves, wanted = PLANES["pixel_shuffle"]
    pixels = tuple(shape[a] for a in TO_PIXELS)

    def write(b, x):
        planes = chain(b, x, TO_PLANES, *moves)
        return [*end(b, planes), *end(b, b.emit(relax.op.permute_dims(planes, TO_PIXELS), "q"))]

    def expected(b, u):
        made = rearrange(b, u, *wanted)
        planes = b.emit(relax.op.permute_dims(made, TO_PLANES), "p")
        return [*end(b, planes), *end(b, made)]

    compare(pixels, write, expected)


def test_an_output_is_made_as_it_is():
    shape, moves, wanted = PIXELS["depth_to_space"]

    def write(b, x):
        made = chain(b, x, *moves[:2])
        return [b.emit(relax.op.reshape(made, moves[2]), "y", True)]

    def expected(b, u):
        return [
            b.emit(
                build_call("rearrange", [u], **dict(zip(("split", "order", "shape"), wanted, strict=True))),
                "y",
                True,
            )
        ]

    compare(shape, write, expected)


def test_what_others_read_on_the_way_stays():
    shape, moves, wanted = PIXELS["space_to_depth"]

    def write(b, x):
        turned = chain(b, x, *moves[:2])
        return [*end(b, turned), *end(b, chain(b, turned, moves[2]))]

    def expected(b, u):
        return [*end(b, chain(b, u, *moves[:2])), *end(b, rearrange(b, u, *wanted))]

    compare(shape, write, expected)


@pytest.mark.parametrize(
    ("shape", "moves"),
    [
        ((1, 4, 6, 3), [TO_PLANES, (1, 3, 4, 6)]),
        ((1, 4, 6, 3), [(1, 24, 3), [0, 2, 1], (1, 3, 4, 6)]),
        ((1, 4, 6, 3), [(1, 4, 6, 3), [0, 2, 1, 3]]),
        ((1, 4, 6, 3), [(1, 4, 2, 9), (1, 4, 3, 6)]),
        ((1, 4, 6, 3), [(4, 6, 3), [1, 0, 2], (1, 6, 4, 3)]),
        ((1, 1, 1, 12), [(1, 1, 1, 3, 4), [0, 1, 2, 4, 3], (1, 1, 1, 12)]),
        ((1, 34, 2, 3), [(1, 2, 17, 6), [0, 1, 3, 2], (1, 2, 2, 51)]),
        ((2, 4, 4, 3), [(2, 2, 2, 2, 6), [0, 1, 3, 2, 4], (2, 2, 2, 12)]),
        ((4, 6), [(2, 2, 6), [1, 0, 2], (4, 6)]),
    ],
)
def test_what_turns_reshapes_or_makes_rows_of_columns_stays(shape, moves):
    x = var("x", shape)
    before = module([x], lambda b: end(b, chain(b, x, *moves)))
    assert_same(JoinMovement()(before), before)


def test_other_types_stay():
    shape, moves, _ = PIXELS["space_to_depth"]
    x = var("x", shape, "uint8")
    before = module([x], lambda b: [b.emit(lookup(chain(b, x, *moves), "quantize", "int8"), "y", True)])
    assert_same(JoinMovement()(before), before)
