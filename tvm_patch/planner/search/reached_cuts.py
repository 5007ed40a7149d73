"""Cuts that are reached from the end of a network, and how."""

from __future__ import annotations

from collections.abc import Sequence

from tvm_patch.planner.search.moves import Move


class ReachedCuts:
    """The cuts of a network from which moves that are known lead to its end, with the least work done twice.

    Parameters
    ----------
    alive : sequence of int
        By cut: bytes of what lives there.
    most_extra : int
        Multiply-accumulates that may be done twice.

    Attributes
    ----------
    new : list of int
        Cuts that were reached and not looked at yet; whoever looks takes them out.
    beaten : set of int
        Cuts that are of no use any more: an earlier one, at which no more lives, is reached with no more work.
    """

    def __init__(self, alive: Sequence[int], most_extra: int) -> None:
        self._alive, self._most_extra = alive, most_extra
        self._last = len(alive) - 1
        self._extra = {self._last: 0}
        self._move: dict[int, Move] = {}
        self._ending: dict[int, list[tuple[Move, int]]] = {}
        self.new = [self._last]
        self.beaten: set[int] = set()

    @property
    def done(self) -> bool:
        """Whether the first cut is reached."""
        return 0 in self._extra

    def way(self) -> list[Move]:
        """Return the moves from the first cut, which must be reached, to the last."""
        found: list[Move] = []
        cut = 0
        while cut < self._last:
            found.append(self._move[cut])
            cut = found[-1].end
        return found

    def may_help(self, start: int, extra: int) -> bool:
        """Tell whether a move that starts at a cut may reach it with less work done twice than is known."""
        return extra < self._extra.get(start, self._most_extra + 1)

    def add(self, move: Move, extra: int) -> None:
        """Add a move that does so much work twice."""
        self._ending.setdefault(move.end, []).append((move, extra))
        if move.end in self._extra:
            self._reach([(move, self._extra[move.end] + extra)])

    def _reach(self, found: list[tuple[Move, int]]) -> None:
        """Take moves with the work that is done twice from their first cuts on."""
        while found:
            move, extra = found.pop()
            cut = move.start
            if extra > self._most_extra or extra >= self._extra.get(cut, extra + 1):
                continue
            if cut not in self._extra:
                self.new.append(cut)
            self._extra[cut], self._move[cut] = extra, move
            self._compare(cut, extra)
            found += [(before, extra + more) for before, more in self._ending.get(cut, ())]

    def _compare(self, cut: int, extra: int) -> None:
        alive = self._alive
        for other, done in self._extra.items():
            if other > cut and alive[cut] <= alive[other] and extra <= done:
                self.beaten.add(other)
            elif other < cut and alive[other] <= alive[cut] and done <= extra:
                self.beaten.add(cut)
