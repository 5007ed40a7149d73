"""Constants of a layer as one stream of words, in the order in which its inner loop consumes them.

One pointer then serves for biases, weights and rescaling; see :mod:`tvm_patch.kernels.arm.dot_tile`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tvm.script.ir_builder import tirx as T  # noqa: N812 - TVM's own name for it

from tvm_patch.integer.step_requantize import OWN_BITS, SLOPE_BITS, StepRequantizer
from tvm_patch.kernels.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.ir import Buffer, Expr

QUAD = 4
"""Weights in a word."""


def words_of(weights: np.ndarray) -> np.ndarray:
    """Return int8 values, four of the last axis a word, the first in the lowest byte, as int32."""
    return np.ascontiguousarray(weights, np.int8).view("<i4").astype(np.int32)


def rescaling_words(steps: StepRequantizer) -> np.ndarray:
    """Return the words that rescale a channel, shape (channels, words)."""
    return np.stack([steps.word, steps.multiplier], axis=1).astype(np.int32)


@dataclass(frozen=True)
class DotStream:
    """Weights of dot products with their biases and rescaling.

    Attributes
    ----------
    weight : ndarray of int8, shape (outputs, inputs)
        `inputs` a multiple of four.
    steps : StepRequantizer
        Biases and rescaling.
    group : int
        Outputs that are computed together, at most `outputs`.
    """

    weight: np.ndarray
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
        return self.group * (self.quads + WORDS)

    @cached_property
    def words(self) -> np.ndarray:
        """The stream."""
        live = np.where(self.steps.idle[:, None], 0, self.weight)
        weights, rescaling = words_of(live), rescaling_words(self.steps)
        parts = []
        for start in self.starts:
            some = slice(start, start + self.group)
            parts += [weights[some].T.ravel(), rescaling[some].ravel()]
        return np.concatenate(parts)


def byte_at(word: Expr, index: int) -> Expr:
    """Return byte `index` of an int32 word, sign extended, without casts that narrow."""
    byte = T.bitwise_and(T.shift_right(word, T.int32(8 * index)), T.int32(255))
    return T.bitwise_xor(byte, T.int32(128)) - T.int32(128)


def word_at(data: Buffer, at: Expr) -> Expr:
    """Return the int32 expression of a word that lies at any byte of int8 data."""
    word = T.cast(data[at + 3], "int32") * (1 << 24)
    for i in range(3):
        byte = T.bitwise_and(T.cast(data[at + i], "int32"), T.int32(255))
        word = T.bitwise_or(word, T.shift_left(byte, T.int32(8 * i)))
    return word


def bias_in(word: Expr, rescaling: Rescaling) -> Expr:
    """Return the int32 expression of the bias in a channel's word."""
    return T.shift_right(word, T.int32(rescaling.own_bits))


def portable_step(acc: Expr, word: Expr, multiplier: Expr, rescaling: Rescaling) -> Expr:
    """Return the int32 expression of a rescaled sum, which has its bias, from the channel's words."""
    wide, m = T.cast(acc, "int64"), T.cast(multiplier, "int64")
    if rescaling.signed:
        own = T.cast(T.bitwise_and(word, T.int32(255)), "int64")
        constant = T.shift_left(T.int64(1), own) * rescaling.base + T.shift_right(wide, T.int64(31))
        wide = wide * T.int64(2)
    else:
        lower = T.bitwise_and(word, T.int32((1 << OWN_BITS) - 1))
        upper = T.bitwise_and(multiplier, T.int32((1 << SLOPE_BITS) - 1)) * (1 << OWN_BITS)
        constant = T.cast(lower + upper, "int64")
    h = T.bind(constant + T.shift_right(wide * m + T.int64(1 << 31), T.int64(32)))
    if rescaling.signed:
        h = T.shift_right(h, own)
    h = T.shift_right(h, T.int64(rescaling.shift))
    low, high = rescaling.clamp
    return T.cast(T.max(T.min(h, T.int64(high)), T.int64(low)), "int32")
