from __future__ import annotations

import numpy as np

from relay_passes.fold_padding import FoldPadding
from tests.unit.relay_passes.builders import assert_same, conv, module, pad, pool, var
from tests.unit.relay_passes.models import outputs_of

DATA = (1, 5, 6, 3)


def values():
    return [np.random.default_rng(3).integers(-128, 128, DATA).astype(np.int8)]


def fold(before):
    after = FoldPadding()(before)
    for a, b in zip(outputs_of(before, values()), outputs_of(after, values()), strict=True):
        np.testing.assert_array_equal(a, b)
    return after


def test_goes_into_convolution():
    x = var("x", DATA)
    before = module([x], lambda b: [b.emit(conv(b.emit(pad(x, 1, 2, 3, 0), "p")), "y", True)])
    y = var("x", DATA)
    after = module([y], lambda b: [b.emit(conv(y, padding=(1, 2, 3, 0)), "y", True)])
    assert_same(fold(before), after)


def test_adds_to_padding_that_is_there():
    x = var("x", DATA)
    before = module(
        [x], lambda b: [b.emit(conv(b.emit(pad(x, 1, 0, 0, 1), "p"), padding=(0, 1, 1, 0)), "y", True)]
    )
    y = var("x", DATA)
    after = module([y], lambda b: [b.emit(conv(y, padding=(1, 1, 1, 1)), "y", True)])
    assert_same(fold(before), after)


def test_every_reader_absorbs_or_none():
    x = var("x", DATA)

    def both(b, second):
        p = b.emit(pad(x, 1, 1, 1, 1), "p")
        return [b.emit(conv(p), "a", True), b.emit(second(p), "b", True)]

    before = module([x], lambda b: both(b, lambda p: conv(p, 4, kernel=1)))
    y = var("x", DATA)
    after = module(
        [y],
        lambda b: [
            b.emit(conv(y, padding=(1, 1, 1, 1)), "a", True),
            b.emit(conv(y, 4, kernel=1, padding=(1, 1, 1, 1)), "b", True),
        ],
    )
    assert_same(fold(before), after)
    kept = module([x], lambda b: both(b, lambda p: pool("avg_pool2d", p)))
    assert_same(fold(kept), kept)


def test_other_value_stays():
    x = var("x", DATA)
    before = module([x], lambda b: [b.emit(conv(b.emit(pad(x, 1, 1, 1, 1, value=0), "p")), "y", True)])
    assert_same(fold(before), before)


def test_output_stays():
    x = var("x", DATA)

    def write(b):
        p = b.emit(pad(x, 1, 1, 1, 1), "p", True)
        return [p, b.emit(conv(p), "y", True)]

    before = module([x], write)
    assert_same(fold(before), before)


def test_max_pool_absorbs_the_least_value_only():
    x = var("x", DATA)
    before = module(
        [x], lambda b: [b.emit(pool("max_pool2d", b.emit(pad(x, 1, 1, 0, 0, -128), "p")), "y", True)]
    )
    y = var("x", DATA)
    after = module([y], lambda b: [b.emit(pool("max_pool2d", y, (1, 1, 0, 0)), "y", True)])
    assert_same(fold(before), after)
    other = module(
        [x], lambda b: [b.emit(pool("max_pool2d", b.emit(pad(x, 1, 1, 0, 0, -100), "p")), "y", True)]
    )
    assert_same(fold(other), other)


def test_average_pool_never():
    x = var("x", DATA)
    before = module(
        [x], lambda b: [b.emit(pool("avg_pool2d", b.emit(pad(x, 1, 1, 0, 0, -128), "p")), "y", True)]
    )
    assert_same(fold(before), before)
