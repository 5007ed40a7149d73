"""How a row is cut into tiles of one to three pixels, and into batches of tiles."""

from __future__ import annotations

from collections.abc import Iterator


def tile_row(width: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield (pixels, first column, number of tiles) that cover a row, in tiles of at most `most` (1 to 3) pixels.

    Twos take what threes leave: no pixel is computed twice, and single ones remain in rows of one only.
    """
    threes = 0
    if most == 3:
        threes = width // 3 - (1 if width % 3 == 1 else 0)
        if threes:
            yield 3, 0, threes
    done = 3 * threes
    twos = (width - done) // 2 if most >= 2 else 0
    if twos:
        yield 2, done, twos
    done += 2 * twos
    if done < width:
        yield 1, done, width - done


def batch_row(width: int, together: int) -> Iterator[tuple[int, int, int]]:
    """Yield (pixels, first column, number of batches) that cover a row, at most `together` pixels a batch.

    No single pixel is left over, unless `together` is odd and less than the row.
    """
    whole, rest = divmod(width, together)
    if whole and rest == 1:
        whole -= 1
        yield from ((together, 0, whole),) if whole else ()
        yield together - 1, whole * together, 1
        yield 2, width - 2, 1
        return
    if whole:
        yield together, 0, whole
    if rest:
        yield rest, width - rest, 1
