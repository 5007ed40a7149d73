"""Weights of a Winograd kernel as one stream of words, in the order in which its inner loop consumes them.

Group of channels after group: the products of :data:`tvm_patch.integer.winograd.ORDER`, in each per four inputs one
word a channel of inputs 0 and 2, then one of 1 and 3; the words that rescale come after the third product and again
after the fourth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tvm_patch.integer.step_requantize import StepRequantizer
from tvm_patch.integer.winograd import ORDER, transformed_taps
from tvm_patch.kernels.c.arm.winograd_dot import CHANNELS, SCALING_WORDS
from tvm_patch.kernels.c.stream import QUAD, rescaling_words


@dataclass(frozen=True)
class WinogradStream:
    """Transformed weights with their biases and rescaling.

    Attributes
    ----------
    weight : ndarray of int8, shape (outputs, rows, 3, inputs)
        Filters; at least two outputs, `inputs` a multiple of four.
    steps : StepRequantizer
        Biases and rescaling.
    """

    weight: np.ndarray
    steps: StepRequantizer

    @property
    def quads(self) -> int:
        """Fours of inputs of all kernel rows."""
        return int(self.weight.shape[1] * self.weight.shape[3] // QUAD)

    @property
    def group_words(self) -> int:
        """Words of one group."""
        return len(ORDER) * 2 * CHANNELS * self.quads + 2 * SCALING_WORDS

    @property
    def parts(self) -> list[tuple[int, int, int]]:
        """Begin and end in the stream, and the first output, of what is computed alike.

        The last group overlaps its neighbour where groups do not divide the outputs.
        """
        outputs = self.weight.shape[0]
        main = outputs // CHANNELS * self.group_words
        last = [(main, main + self.group_words, outputs - CHANNELS)] if outputs % CHANNELS else []
        return [(0, main, 0), *last]

    @cached_property
    def words(self) -> np.ndarray:
        """The stream."""
        outputs = self.weight.shape[0]
        idle = self.steps.idle[:, None, None, None]
        taps = transformed_taps(np.where(idle, 0, self.weight).astype(np.int8))[list(ORDER)]
        # (product, output, quad, half): inputs 0 and 2, then 1 and 3, are one word.
        pairs = taps.reshape(len(ORDER), outputs, self.quads, 2, 2).swapaxes(3, 4)
        words = np.ascontiguousarray(pairs, "<i2").view("<i4")[..., 0].astype(np.int32)
        rescaling = rescaling_words(self.steps)
        out = []
        for start in [min(i, outputs - CHANNELS) for i in range(0, outputs, CHANNELS)]:
            some = slice(start, start + CHANNELS)
            products = [np.moveaxis(p, 0, -1).ravel() for p in words[:, some]]
            scaling = rescaling[some].ravel()
            out += [*products[:3], scaling, products[3], scaling]
        return np.concatenate(out)
