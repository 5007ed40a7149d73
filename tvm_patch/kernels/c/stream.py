"""Constants of a layer as one stream of words, in the order in which its inner loop consumes them.

One pointer then serves for biases, weights and rescaling; see :mod:`tvm_patch.kernels.c.arm.dot_product`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.c.arm.rescaling import WORDS
from tvm_patch.kernels.c.joined import fits_joined, joined_steps, joined_words

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
    dual : bool
        Whether for a core that issues two instructions a cycle, which gains nothing by joined weights.
    """

    weight: np.ndarray
    steps: StepRequantizer
    group: int
    dual: bool

    @property
    def quads(self) -> int:
        """Words of weights an output."""
        return int(self.weight.shape[1] // QUAD)

    @property
    def starts(self) -> list[int]:
        """First output of every group; the last overlaps its neighbour where groups do not divide the outputs."""
        outputs = self.weight.shape[0]
        return [min(i, outputs - self.group) for i in range(0, outputs, self.group)]

    @property
    def whole_groups(self) -> int:
        """Number of groups that do not overlap."""
        return int(self.weight.shape[0] // self.group)

    @cached_property
    def group_words(self) -> int:
        """Words of one group."""
        return self.group * (self.quads + WORDS)

    @cached_property
    def _live(self) -> np.ndarray:
        """Weights of outputs that change."""
        return np.where(self.steps.idle[:, None], 0, self.weight).astype(np.int8)

    @cached_property
    def joined(self) -> bool:
        """Whether weights are joined, where that fits; see :mod:`tvm_patch.kernels.c.joined`."""
        return not self.dual and fits_joined(self._live, self.steps)

    @cached_property
    def words(self) -> np.ndarray:
        """The stream."""
        if self.joined:
            weights, rescaling = (
                joined_words(self._live),
                rescaling_words(joined_steps(self._live, self.steps)),
            )
        else:
            weights, rescaling = words_of(self._live), rescaling_words(self.steps)
        parts = []
        for start in self.starts:
            some = slice(start, start + self.group)
            parts += [weights[some].T.ravel(), rescaling[some].ravel()]
        return np.concatenate(parts)
