"""Constants of a layer as one stream of words, in the order in which its inner loop consumes them.

One pointer then serves for biases, weights and rescaling; see :mod:`tvm_patch.kernels.arm.dot_tile`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.ir import Buffer, Expr

QUAD = 4
"""Weights in a word."""


def words_of(weights: np.ndarray) -> np.ndarray:
    """Return int8 values, four of the last axis a word, the first in the lowest byte, as int32."""
    return np.ascontiguousarray(weights, np.int8).view("<i4").astype(np.int32)


def rescaling_words(steps: StepRequantizer) -> np.ndarray:
    """Return the words that rescale a channel, shape (channels, words)."""
    # The signed form keeps the channel's own shift in the lowest byte.
    constant = (steps.constant << 8) | steps.extra if steps.signed else steps.constant
    return np.stack([steps.multiplier, constant], axis=1).astype(np.int32)


@dataclass(frozen=True)
class DotStream:
    """Weights of dot products with their biases and rescaling.

    Attributes
    ----------
    weight : ndarray of int8, shape (outputs, inputs)
        `inputs` a multiple of four.
    bias : ndarray of int64, shape (outputs,)
        What sums start from.
    steps : StepRequantizer
        Rescaling.
    group : int
        Outputs that are computed together, at most `outputs`.
    """

    weight: np.ndarray
    bias: np.ndarray
    steps: StepRequantizer
    group: int

    @property
    def quads(self) -> int:
        """Words of weights an output."""
        return self.weight.shape[1] // QUAD

    @property
    def starts(self) -> list[int]:
        """First output of every group; the last overlaps its neighbour where groups do not divide the outputs."""
        outputs = self.weight.shape[0]
        return [min(i, outputs - self.group) for i in range(0, outputs, self.group)]

    @property
    def whole_groups(self) -> int:
        """Number of groups that do not overlap."""
        return self.weight.shape[0] // self.group

    @cached_property
    def group_words(self) -> int:
        """Words of one group."""
        return self.group * (1 + self.quads + WORDS)

    @cached_property
    def words(self) -> np.ndarray:
        """The stream."""
        bias = (self.bias + self.steps.delta).astype(np.int32)
        weights, rescaling = words_of(self.weight), rescaling_words(self.steps)
        parts = []
        for start in self.starts:
            some = slice(start, start + self.group)
            parts += [bias[some], weights[some].T.ravel(), rescaling[some].ravel()]
        return np.concatenate(parts)


def byte_at(word: Expr, index: int) -> Expr:
    """Return byte `index` of an int32 word, sign extended, without casts that narrow."""
    byte = T.bitwise_and(T.shift_right(word, T.int32(8 * index)), T.int32(255))
    return T.bitwise_xor(byte, T.int32(128)) - T.int32(128)


def portable_step(acc: Expr, words: Buffer, at: Expr, rescaling: Rescaling) -> Expr:
    """Return the int32 expression of a rescaled sum; `at` is where the channel's words begin."""
    wide = T.cast(acc, "int64")
    constant = T.cast(words[at + 1], "int64")
    own = T.bitwise_and(constant, T.int64(255))
    if rescaling.signed:
        constant = T.shift_right(constant, T.int64(8)) + T.shift_right(wide, T.int64(31))
        wide = wide * T.int64(2)
    product = wide * T.cast(words[at], "int64") + T.int64(1 << 31)
    h = T.bind(constant + T.shift_right(product, T.int64(32)))
    if rescaling.signed:
        h = T.shift_right(h, own)
    h = T.shift_right(h, T.int64(rescaling.shift))
    low, high = rescaling.clamp
    return T.cast(T.max(T.min(h, T.int64(high)), T.int64(low)), "int32")
