from __future__ import annotations

from math import prod

import numpy as np

from tvm_patch.rearrangement import Axis, as_split, dense, from_split, grouped, merged, row_form, transposed


def walked(axes):
    """Return the elements of the source in the order in which axes walk them."""
    places = np.zeros((), int)
    for axis in axes:
        places = places[..., None] + np.arange(axis.extent) * axis.stride
    return places.ravel()


def random_shape(rng, size):
    """Return a shape of so many elements."""
    shape = []
    while size > 1:
        factor = int(rng.choice([f for f in range(2, size + 1) if size % f == 0]))
        shape.append(factor)
        size //= factor
    return [*shape, *[1] * int(rng.integers(0, 2))]


def test_reshapes_and_transposes_are_followed_or_given_up():
    """Given up is what ends within an axis that does not divide, such as twelve elements turned and cut in nines."""
    rng, followed = np.random.default_rng(1), 0
    for _ in range(400):
        size = int(rng.choice([24, 36, 60, 72]))
        array, axes = np.arange(size), dense(size)
        for _ in range(int(rng.integers(1, 4))):
            shape = random_shape(rng, size)
            order = rng.permutation(len(shape))
            array = array.reshape(shape).transpose(order)
            axes = None if axes is None else transposed(axes, shape, order)
        if axes is None:
            continue
        followed += 1
        np.testing.assert_array_equal(walked(axes), array.ravel())
        split, order = as_split(axes)
        assert from_split(split, order) == axes == merged(axes)
        np.testing.assert_array_equal(np.arange(size).reshape(split).transpose(order).ravel(), array.ravel())
    assert 200 < followed < 400


def test_groups_walk_what_their_dimensions_are():
    axes = (Axis(4, 1), Axis(6, 4))
    assert grouped(axes, (2, 2, 3, 2)) == ((Axis(2, 2),), (Axis(2, 1),), (Axis(3, 8),), (Axis(2, 4),))
    assert grouped(axes, (1, 24)) == ((), axes)
    assert grouped(axes, (6, 4)) is None


def test_rows_that_are_made_of_rows_are_made_of_the_rows_that_are_named():
    rng, found = np.random.default_rng(2), set()
    for _ in range(3000):
        before = (1, *(int(n) for n in rng.choice([1, 2, 3, 4, 6], 3)))
        size = prod(before)
        split = random_shape(rng, size)
        order = rng.permutation(len(split))
        height, width = (int(rng.choice([f for f in range(1, size + 1) if size % f == 0])) for _ in range(2))
        if size % (height * width):
            continue
        after = (1, height, width, size // height // width)
        axes = from_split(split, order)
        form, rows = row_form(axes, before, after), walked(axes).reshape(height, -1) // prod(before[2:])
        if form is None:
            continue
        found.add((form.rows > 1, form.divisor > 1))
        assert 1 in (form.rows, form.divisor)
        for y, row in enumerate(rows):
            first = y // form.divisor * form.rows
            assert set(row) == set(range(first, first + form.rows))
    assert found == {(False, False), (False, True), (True, False)}
