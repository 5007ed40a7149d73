"""The first number of a sequence modulo `m` that is small, for many sequences at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]


def first_below(
    start: Int64Array, step: Int64Array, modulus: Int64Array, width: Int64Array, count: Int64Array
) -> Int64Array:
    """Return the least `x` of 0 to ``count - 1`` with ``(start + step * x) % modulus < width``, or -1.

    Multiples of the step are looked for among ``-start`` to ``-start + width - 1``.  Where none lies there before the
    modulus is passed, the multiple of the modulus that is passed first has to lie right, modulo the step: the same
    question with smaller numbers, as in Euclid's algorithm.

    Parameters
    ----------
    start, step : ndarray of int64, shape (n,)
        From 0 to ``modulus - 1``.
    modulus : ndarray of int64, shape (n,)
        From 1 to ``2**37``.
    width : ndarray of int64, shape (n,)
        At least 1.
    count : ndarray of int64, shape (n,)
        At most ``2**62`` over the modulus; none where it is not positive.
    """
    found = np.where((count > 0) & (start < width), 0, -1)
    rows = np.flatnonzero((count > 0) & (start >= width) & (step > 0))
    a, m, most = step[rows], modulus[rows], count[rows] - 1
    low = m - start[rows]
    high = low + width[rows] - 1
    passed: list[tuple[Int64Array, Int64Array, Int64Array, Int64Array]] = []
    ends: list[tuple[Int64Array, Int64Array]] = []
    while rows.size:
        x = -(-low // a)
        hit = (x * a <= high) & (x <= most)
        ends.append((rows[hit], x[hit]))
        # Passes of the modulus that the multiples left make at most.
        most = (a * most - low) // m
        further = (x * a > high) & (most > 0) & (m % a > 0)
        passed.append((rows[further], a[further], m[further], low[further]))
        rows, a, m, most, low, high = (v[further] for v in (rows, a, m, most, low, high))
        a, m, low, high = m % a, a, -high % a, -low % a
    for depth in reversed(range(len(ends))):
        found[ends[depth][0]] = ends[depth][1]
        at, a, m, low = passed[depth]
        solved = found[at] > 0
        found[at[solved]] = -(-(low + m * found[at]) // a)[solved]
    return found
