"""One sweep from an operator towards the network's beginning: segments that end there, a few for each beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tvm_patch.planner.layout.row_buffer import aligned
from tvm_patch.planner.search.fused import Fused, Grown
from tvm_patch.planner.search.pieces import Piece


def grown_backwards(
    fused: Fused,
    sink: Piece,
    ending: Callable[[int], Sequence[Piece]],
    end: int,
    most: int,
    limit: int,
    reduces: bool = False,
    last: Sequence[Piece] = (),
) -> Iterator[tuple[int, Sequence[Grown]]]:
    """Yield, by the operator that they begin with, segments that end before cut `end`.

    Parameters
    ----------
    fused : Fused
    sink : Piece
        The last operator.
    ending : callable
        Returns the pieces whose last operator is that of an index.
    end : int
        Cut.
    most : int
        How many are kept of those that begin with one operator.
    limit : int
        Bytes of scratch beyond which none is worth it.
    reduces : bool
        Whether the last operator reduces what the others make.
    last : sequence of Piece
        Composites that may be the last piece.
    """
    begun: dict[int, list[Grown]] = {}
    for piece in (sink, *last):
        begins = fused.start(piece, reduces)
        if begins is not None:
            begun.setdefault(piece.begin, []).append(begins)
    for start in range(end - 1, -1, -1):
        mine = _few(begun.pop(start, []), most, limit)
        if mine:
            yield start, mine
            for piece in ending(start - 1) if start else ():
                for grown in mine:
                    more = grown.before(piece)
                    if more is not None:
                        begun.setdefault(piece.begin, []).append(more)
        elif not begun:
            return


def _few(grown: Sequence[Grown], most: int, limit: int) -> list[Grown]:
    """Return those that are better than all others in something, evenly chosen where there are many."""
    sized = [
        (g.scratch + aligned(g.kernel_scratch) + g.open_bytes, g.cycles, i)
        for i, g in enumerate(grown)
        if g.scratch <= limit
    ]
    kept: list[int] = []
    least = float("inf")
    for _, cycles, i in sorted(sized):
        if cycles < least * 0.999:
            kept.append(i)
            least = cycles
    if len(kept) > most:
        kept = [kept[round(k * (len(kept) - 1) / (most - 1))] for k in range(most)]
    return [grown[i] for i in dict.fromkeys(kept)]
