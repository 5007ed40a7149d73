"""Constants of a layer as one stream of words, in the order in which its inner loop consumes them.

A group is where its sums begin if a line rescales them, its weights, then its other numbers.  One pointer serves for
all of them; see :mod:`tvm_patch.kernels.c.arm.dot_product`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tvm_patch.integer.line import LineRequantizer
from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.kernels.c.arm.rescaling import WORDS, Rescaling
from tvm_patch.kernels.c.joined import fits_joined, joined_steps, joined_words, line_words, pairs_fit

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
    line : LineRequantizer, optional
        A line that rescales sums of joined weights.
    """

    weight: np.ndarray
    steps: StepRequantizer
    group: int
    dual: bool
    line: LineRequantizer | None = None

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
        if self.dual:
            return False
        return pairs_fit(self._live) if self.line else fits_joined(self._live, self.steps)

    def rescaling(self, clamp: tuple[int, int]) -> Rescaling:
        """Return what all outputs share."""
        if self.joined and self.line:
            return Rescaling.of_line(self.line, clamp)
        return Rescaling.of(self.steps, clamp)

    @cached_property
    def words(self) -> np.ndarray:
        """The stream."""
        weights = joined_words(self._live) if self.joined else words_of(self._live)
        if self.joined and self.line:
            before, behind = line_words(self._live, self.line)[:, :, None]
        else:
            steps = joined_steps(self._live, self.steps) if self.joined else self.steps
            behind = rescaling_words(steps)
            before = behind[:, :0]
        parts = []
        for start in self.starts:
            some = slice(start, start + self.group)
            parts += [before[some].ravel(), weights[some].T.ravel(), behind[some].ravel()]
        return np.concatenate(parts)
