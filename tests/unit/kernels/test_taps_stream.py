"""A depthwise channel in flash: every weight has a byte of its own, and words are read inside the channel."""

from __future__ import annotations

import itertools

import pytest

from tvm_patch.kernels.c.arm.taps_stream import WORD, TapsStream

SIZES = list(itertools.product(range(1, 8), range(1, 10)))


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_every_weight_has_its_byte(rows: int, columns: int) -> None:
    layout = TapsStream(rows, columns)
    taps = [layout.tap_offset(r, c) for r, c in itertools.product(range(rows), range(columns))]
    assert len(set(taps)) == len(taps)
    assert min(taps) >= WORD
    assert max(taps) < layout.channel_bytes - WORD


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_words_hold_the_weights_that_are_taken_out_of_them(rows: int, columns: int) -> None:
    """Bytes 0 and 2 make the first widened word, bytes 1 and 3 the second."""
    layout = TapsStream(rows, columns)
    for pair, (offsets, widened) in enumerate(zip(layout.word_offsets, layout.weight_words, strict=True)):
        assert max(offsets) + WORD <= layout.channel_bytes
        for index, halves in enumerate(widened):
            at = offsets[index // 2] + index % 2
            if 2 * pair + 1 == rows:
                assert [layout.tap_offset(rows - 1, c) for c in halves] == [at, at + 2][: len(halves)]
            else:
                (column,) = halves
                assert [layout.tap_offset(2 * pair + r, column) for r in (0, 1)] == [at, at + 2]


@pytest.mark.parametrize(("size", "lost"), [(3, 1), (5, 0), (7, 1)])
def test_hardly_a_byte_is_lost(size: int, lost: int) -> None:
    assert TapsStream(size, size).channel_bytes == 2 * WORD + size * size + lost
