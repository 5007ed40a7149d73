"""Two weights in a halfword, ``256 * p + q``, as :mod:`tvm_patch.kernels.c.arm.dot_steps_joined` multiplies them.

`p` are the even weights of an output, `q` the odd ones.  Sums come out times 256, with 127 times the sum of all `q`
on top, which the bias takes back: ``256 * T + C >> 8`` is exactly ``T + (C >> 8)``.  Where a line
(:mod:`tvm_patch.integer.line`) rescales them they are not shifted, and begin at a number that holds both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tvm_patch.integer.line import SCALE_BITS, LineRequantizer
from tvm_patch.integer.step_requantize import StepRequantizer

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
    odd: np.ndarray = weights[:, 1::2].astype(np.int64).sum(axis=1)
    return _LARGEST * odd


def added_to_sums(weights: np.ndarray) -> np.ndarray:
    """Return what joined weights add to every output's sum once it is shifted, int64 of shape (outputs,)."""
    return _added(weights) >> SCALE_BITS


def line_words(weights: np.ndarray, line: LineRequantizer) -> np.ndarray:
    """Return where the sum of every output begins and its multiplier, as int32 of shape (2, outputs)."""
    begin = line.begin - _added(weights)
    words: np.ndarray = np.stack([begin, line.multiplier]).astype(np.uint64).astype(np.uint32).view(np.int32)
    return words


def pairs_fit(weights: np.ndarray) -> bool:
    """Tell whether pairs of weights fit int16: all that a line wants, since it was proved with its sums."""
    return bool((_pairs(weights) >= -(1 << 15)).all())


def joined_steps(weights: np.ndarray, steps: StepRequantizer) -> StepRequantizer:
    """Return the rescaling whose biases take back what joined weights add."""
    return replace(steps, bias=steps.bias - added_to_sums(weights))


def sums_fit(weights: np.ndarray) -> bool:
    """Tell whether pairs fit int16 and sums int32, whatever the inputs."""
    added, wide = _added(weights), weights.astype(np.int64)
    ends = [wide * least for least in (-_LARGEST - 1, _LARGEST)]
    low, high = (ends_of(*ends).sum(axis=1) for ends_of in (np.minimum, np.maximum))
    sums = np.stack([(low << SCALE_BITS) + added, (high << SCALE_BITS) + added])
    return bool(pairs_fit(weights) and (sums >= -(1 << 31)).all() and (sums < 1 << 31).all())


def fits_joined(weights: np.ndarray, steps: StepRequantizer) -> bool:
    """Tell whether pairs fit int16, sums int32, whatever the inputs, and biases their words."""
    limit = 1 << (31 - steps.own_bits)
    bias = joined_steps(weights, steps).bias
    return bool(sums_fit(weights) and (bias >= -limit).all() and (bias < limit).all())
