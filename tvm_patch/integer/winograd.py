"""Winograd's convolution F(2, 3) in integers: two neighbouring outputs of three taps in four multiplications, not six.

For inputs d0 to d3 and taps g0 to g2, with sums over whatever else is reduced (Lavin and Gray 2016, equation 5):

    m0 = (d0 - d2) * 2 g0               2 y0 = m0 + m1 + m2
    m1 = (d1 + d2) * (g0 + g1 + g2)     2 y1 = m1 - m2 + m3
    m2 = (d2 - d1) * (g0 - g1 + g2)
    m3 = (d3 - d1) * 2 g2

Twice the outputs are even, so that halving them is exact; inputs and taps of int8 become int16, nothing is rounded.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MOST_INPUT = 256
"""Magnitude of a sum or difference of two int8."""
_INT32 = 1 << 31

ORDER = (1, 2, 3, 0)
"""Products in the order in which kernels sum them up: the second output is there after three."""


def transformed_taps(weight: npt.NDArray[np.int8]) -> npt.NDArray[np.int16]:
    """Return what inputs are multiplied with.

    Parameters
    ----------
    weight : ndarray of int8, shape (outputs, rows, 3, channels)
        Filters (OHWI).

    Returns
    -------
    ndarray of int16, shape (4, outputs, rows, channels)
        Factors of m0 to m3.
    """
    first, middle, last = (weight[:, :, i].astype(np.int16) for i in range(3))
    outer = first + last
    return np.stack([2 * first, outer + middle, outer - middle, 2 * last])


def stays_in_int32(weight: npt.NDArray[np.int8]) -> bool:
    """Tell whether no sum of products leaves int32, whatever the int8 inputs are; `weight` as above."""
    taps = np.abs(transformed_taps(weight).astype(np.int64))
    reach = _MOST_INPUT * taps.reshape(4, len(weight), -1).sum(axis=2)
    return bool((reach[1] + reach[2] + np.maximum(reach[0], reach[3]) < _INT32).all())
