"""Two weights in a halfword, ``256 * p + q``, as :mod:`tvm_patch.kernels.c.arm.dot_steps_joined` multiplies them.

`p` are the even weights of an output, `q` the odd ones.  Sums come out times 256, with 127 times the sum of all `q`
on top, which the bias takes back: ``256 * T + C >> 8`` is exactly ``T + (C >> 8)``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.c.arm.dot_steps_joined import SCALE_BITS

_LARGEST = 127
"""Of an input; the least is one below its negative."""


def _pairs(weights: np.ndarray) -> np.ndarray:
    wide = weights.astype(np.int64)
    return (wide[:, 0::2] << SCALE_BITS) + wide[:, 1::2]


def joined_words(weights: np.ndarray) -> np.ndarray:
    """Return int8 weights of shape (outputs, inputs), four a word, as int32."""
    halves = np.ascontiguousarray(_pairs(weights).astype("<i2"))
    return halves.view("<i4").astype(np.int32)


def _added(weights: np.ndarray) -> np.ndarray:
    """Return `C` of every output."""
    return _LARGEST * weights[:, 1::2].astype(np.int64).sum(axis=1)


def joined_steps(weights: np.ndarray, steps: StepRequantizer) -> StepRequantizer:
    """Return the rescaling whose biases take back what joined weights add."""
    return replace(steps, bias=steps.bias - (_added(weights) >> SCALE_BITS))


def fits_joined(weights: np.ndarray, steps: StepRequantizer) -> bool:
    """Tell whether pairs fit int16, sums int32, whatever the inputs, and biases their words."""
    pairs, added, wide = _pairs(weights), _added(weights), weights.astype(np.int64)
    ends = [wide * least for least in (-_LARGEST - 1, _LARGEST)]
    low, high = (ends_of(*ends).sum(axis=1) for ends_of in (np.minimum, np.maximum))
    sums = np.stack([(low << SCALE_BITS) + added, (high << SCALE_BITS) + added])
    limit = 1 << (31 - steps.own_bits)
    bias = joined_steps(weights, steps).bias
    return bool(
        (pairs >= -(1 << 15)).all()
        and (sums >= -(1 << 31)).all()
        and (sums < 1 << 31).all()
        and (bias >= -limit).all()
        and (bias < limit).all()
    )
