"""Where the numbers of a depthwise channel lie in flash: the word with its bias, its weights, its multiplier.

A word of weights holds two columns of two rows, or four columns of a row that stands alone, as SXTB16 takes it apart.
Words are loaded from any address and what they hold too much is ignored, so hardly a byte is lost: two words of which
only bytes 0 and 2 matter lie one byte apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

WORD = 4
"""Bytes of a word."""


@dataclass(frozen=True)
class TapsStream:
    """The layout for one size of kernel.

    Attributes
    ----------
    rows, columns : int
        Size of the kernel.
    """

    rows: int
    columns: int

    @cached_property
    def weight_words(self) -> list[list[tuple[int, ...]]]:
        """Per pair of rows the words of widened weights, each with the columns in its halves."""
        pair: list[list[tuple[int, ...]]] = [
            [(k,) for k in range(self.columns)] for _ in range(self.rows // 2)
        ]
        single: list[tuple[int, ...]] = []
        for k in range(0, self.columns, 4):
            for first in (k, k + 1):
                halves = tuple(c for c in (first, first + 2) if c < self.columns)
                if halves:
                    single.append(halves)
        return [*pair, single] if self.rows % 2 else pair

    @property
    def packed_words(self) -> list[int]:
        """Per pair of rows, words of weights in the stream: two widened ones each."""
        return [-(-len(w) // 2) for w in self.weight_words]

    @cached_property
    def word_offsets(self) -> list[list[int]]:
        """Per pair of rows, where in a channel's bytes each of those words begins."""
        offsets: list[list[int]] = []
        at, half = WORD, 0
        for _ in range(self.rows // 2):
            offsets.append([at + WORD * i for i in range(self.columns // 2)])
            at += WORD * (self.columns // 2)
        if self.columns % 2:
            for pair, mine in enumerate(offsets):
                # Bytes 0 and 2 of one word, 1 and 3 are those of the next one.
                mine.append(at + pair % 2)
                half = pair % 2
                at += WORD if half else 0
            at += 3 if offsets and not half else 0
        if self.rows % 2:
            offsets.append([at + WORD * i for i in range(self.packed_words[-1])])
        return offsets

    def tap_offset(self, row: int, column: int) -> int:
        """Return where in a channel's bytes a weight lies."""
        pair, alone = row // 2, row == self.rows - 1 and self.rows % 2 == 1
        if alone:
            return self.word_offsets[pair][0] + column
        return self.word_offsets[pair][column // 2] + column % 2 + 2 * (row % 2)

    @property
    def channel_bytes(self) -> int:
        """Bytes of the stream for one channel."""
        last = max(self.tap_offset(r, c) for r in range(self.rows) for c in range(self.columns))
        return last + 1 + WORD
