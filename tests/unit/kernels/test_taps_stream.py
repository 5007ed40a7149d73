"""A depthwise channel in flash: every weight has a byte of its own, and words are read inside the channel."""

from __future__ import annotations

import itertools

import pytest

from tvm_patch.kernels.c.arm.taps_stream import WORD, AlignedTapsStream, TapsStream

LAYOUTS = [TapsStream, AlignedTapsStream]
SIZES = list(itertools.product(range(1, 8), range(1, 10)))


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_every_weight_has_its_byte(rows: int, columns: int, kind: type[TapsStream]) -> None:
    layout = kind(rows, columns)
    taps = [layout.tap_offset(r, c) for r, c in itertools.product(range(rows), range(columns))]
    assert len(set(taps)) == len(taps)
    assert min(taps) >= WORD
    assert max(taps) < layout.channel_bytes - WORD


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_words_hold_the_weights_that_are_taken_out_of_them(
    rows: int, columns: int, kind: type[TapsStream]
) -> None:
    """Bytes 0 and 2 make one widened word, bytes 1 and 3 another."""
    layout = kind(rows, columns)
    for pair, widened in enumerate(layout.weight_words):
        found = dict[int, int]()
        for offset, low, high in layout.loads(pair):
            assert offset + WORD <= layout.channel_bytes
            found.update({word: offset + half for half, word in enumerate((low, high)) if word is not None})
        assert sorted(found) == list(range(len(widened)))
        for index, halves in enumerate(widened):
            at = found[index]
            if 2 * pair + 1 == rows:
                assert [layout.tap_offset(rows - 1, c) for c in halves] == [at, at + 2][: len(halves)]
            else:
                (column,) = halves
                assert [layout.tap_offset(2 * pair + r, column) for r in (0, 1)] == [at, at + 2]


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_words_of_all_pairs_follow_each_other(rows: int, columns: int, kind: type[TapsStream]) -> None:
    """Widened two by two, a pair's words lie from its place on."""
    layout = kind(rows, columns)
    order = [at for offset in layout.words for at in (offset, offset + 1)]
    for pair, widened in enumerate(layout.weight_words):
        for offset, low, high in layout.loads(pair):
            for half, word in enumerate((low, high)):
                if word is not None:
                    assert order[layout.place(pair) + word] == offset + half
        assert layout.place(pair) + len(widened) <= len(order)


@pytest.mark.parametrize(("rows", "columns"), SIZES)
def test_aligned_words_are_aligned(rows: int, columns: int) -> None:
    layout = AlignedTapsStream(rows, columns)
    assert layout.channel_bytes % WORD == 0
    assert all(offset % WORD == 0 for offset, _, _ in layout.all_loads())


@pytest.mark.parametrize(("size", "lost"), [(3, 1), (5, 0), (7, 1)])
def test_hardly_a_byte_is_lost(size: int, lost: int) -> None:
    assert TapsStream(size, size).channel_bytes == 2 * WORD + size * size + lost
