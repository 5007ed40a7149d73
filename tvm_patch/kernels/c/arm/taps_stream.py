"""Where the numbers of a depthwise channel lie in flash: the word with its bias, its weights, its multiplier.

A word of weights holds two columns of two rows, or four columns of a row that stands alone, as SXTB16 takes it apart:
bytes 0 and 2 are one *widened* word, bytes 1 and 3 another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

WORD = 4
"""Bytes of a word."""

Load = tuple[int, int | None, int | None]
"""Offset of a word, and which widened words of a pair of rows bytes 0 and 2, and 1 and 3, are."""


@dataclass(frozen=True)
class TapsStream:
    """The layout that takes the fewest bytes, for one size of kernel.

    Words are loaded from any address and what they hold too much is ignored, so hardly a byte is lost: two words of
    which only bytes 0 and 2 matter lie one byte apart.

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

    def loads(self, pair: int, first: int = 0) -> list[Load]:
        """Return the words that the weights of a pair of rows are in; its widened words are counted from `first`."""
        count = len(self.weight_words[pair])
        return [
            (at, first + 2 * i, first + 2 * i + 1 if 2 * i + 1 < count else None)
            for i, at in enumerate(self._word_offsets[pair])
        ]

    def all_loads(self) -> list[Load]:
        """Return the words that all weights are in, widened ones counted without gaps."""
        counts = [len(words) for words in self.weight_words]
        return [load for pair in range(len(counts)) for load in self.loads(pair, sum(counts[:pair]))]

    @property
    def words(self) -> list[int]:
        """Where all words of weights lie; two widened ones are made of each."""
        return [at for offsets in self._word_offsets for at in offsets]

    def place(self, pair: int) -> int:
        """Return the number of the first widened word of a pair of rows among those of :attr:`words`."""
        return 2 * sum(len(offsets) for offsets in self._word_offsets[:pair])

    @cached_property
    def _word_offsets(self) -> list[list[int]]:
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
            offsets.append([at + WORD * i for i in range(-(-len(self.weight_words[-1]) // 2))])
        return offsets

    def tap_offset(self, row: int, column: int) -> int:
        """Return where in a channel's bytes a weight lies."""
        pair, alone = row // 2, row == self.rows - 1 and self.rows % 2 == 1
        if alone:
            return self._word_offsets[pair][0] + column
        return self._word_offsets[pair][column // 2] + column % 2 + 2 * (row % 2)

    def portable(self, pair: int) -> str:
        """Return the offset of the upper row's weight in column ``k`` as C; the lower one's is 2 more."""
        base = self.tap_offset(2 * pair, 0)
        if 2 * pair + 1 == self.rows:
            return f"{base} + k"
        offset = f"{base} + 4 * (k >> 1) + (k & 1)"
        last = self.columns - 1
        return f"(k == {last} ? {self.tap_offset(2 * pair, last)} : {offset})" if self.columns % 2 else offset

    @property
    def channel_bytes(self) -> int:
        """Bytes of the stream for one channel."""
        last = max(self.tap_offset(r, c) for r in range(self.rows) for c in range(self.columns))
        return last + 1 + WORD


class AlignedTapsStream(TapsStream):
    """The layout whose words are all aligned: a Cortex-M7 waits three cycles and more for one that is not."""

    def loads(self, pair: int, first: int = 0) -> list[Load]:
        """Return the words that the weights of a pair of rows are in; one may hold a widened word of another pair."""
        begin = self.place(pair)
        return self._loads(begin, begin + len(self.weight_words[pair]), first - begin)

    def all_loads(self) -> list[Load]:
        """Return the words that all weights are in, widened ones counted without gaps."""
        return self._loads(0, self.place(len(self.weight_words)), 0)

    def _loads(self, begin: int, end: int, shift: int) -> list[Load]:
        out: list[Load] = []
        for at in range(begin // 2, -(-end // 2)):
            low, high = (i + shift if begin <= i < end else None for i in (2 * at, 2 * at + 1))
            out.append((WORD + WORD * at, low, high))
        return out

    @property
    def words(self) -> list[int]:
        """Where all words of weights lie; two widened ones are made of each."""
        return [WORD + WORD * i for i in range(-(-self.place(len(self.weight_words)) // 2))]

    def place(self, pair: int) -> int:
        """Return the number of the first widened word of a pair of rows among those of :attr:`words`."""
        return sum(len(words) for words in self.weight_words[:pair])

    def tap_offset(self, row: int, column: int) -> int:
        """Return where in a channel's bytes a weight lies."""
        pair = row // 2
        for i, halves in enumerate(self.weight_words[pair]):
            if column in halves:
                at = self.place(pair) + i
                half = row % 2 if 2 * pair + 1 < self.rows else halves.index(column)
                return WORD + WORD * (at // 2) + at % 2 + 2 * half
        raise IndexError(column)

    def portable(self, pair: int) -> str:
        """Return the offset of the upper row's weight in column ``k`` as C; the lower one's is 2 more."""
        first = self.place(pair)
        if 2 * pair + 1 < self.rows:
            return f"{WORD} + 4 * (({first} + k) >> 1) + (({first} + k) & 1)"
        return f"{WORD} + 4 * (({first} + 2 * (k >> 2) + (k & 1)) >> 1) + (({first} + k) & 1) + (k & 2)"

    @property
    def channel_bytes(self) -> int:
        """Bytes of the stream for one channel."""
        return WORD * (2 + len(self.words))
