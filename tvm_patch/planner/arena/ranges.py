"""What is left open of a placement: the range of every buffer's offset, and which of two buffers lies above the other.

In an arena of a given size an offset lies between 0 and the size less the buffer's.  Two buffers that may not collide
leave two ways: either lies above the other.  Where the ranges leave one way only, it is taken, and it narrows both
ranges; that may leave one way only somewhere else.  A buffer without a range, or two without a way, are a proof that
nothing fits.
"""

from __future__ import annotations

from collections.abc import Iterable

from tvm_patch.planner.arena.problem import Problem

_OPEN, _FIRST_ABOVE, _SECOND_ABOVE = 0, 1, 2
_LOW, _HIGH, _WAY = 0, 1, 2


class Ranges:
    """Ranges of the offsets of one problem's buffers; decisions can be undone.

    Attributes
    ----------
    low, high : list of int
        Least and greatest offset by buffer.
    ways : list of int
        By constraint: 0 while it is open, 1 when its first buffer lies above the second, 2 when below.
    weights : list of float
        By constraint: 1 and how often it was where a contradiction showed.
    work : int
        Constraints looked at since the beginning; a clock that goes the same on every machine.
    """

    def __init__(self, problem: Problem) -> None:
        self._sizes = [b.size for b in problem.buffers]
        self._masks = [b.align - 1 for b in problem.buffers]
        self._constraints = [(c.a, c.b, c.low, c.high) for c in problem.constraints]
        self._of: list[list[int]] = [[] for _ in problem.buffers]
        for i, c in enumerate(problem.constraints):
            self._of[c.a].append(i)
            self._of[c.b].append(i)
        self.weights = [1.0] * len(self._constraints)
        self.work = 0
        self.low: list[int] = []
        self.high: list[int] = []
        self.ways: list[int] = []
        self._trail: list[tuple[int, int, int]] = []

    def begin(self, size: int) -> bool:
        """Forget all decisions and narrow the ranges in an arena of `size` bytes; False when nothing fits."""
        self.low = [0] * len(self._sizes)
        self.high = [(size - s) & ~mask for s, mask in zip(self._sizes, self._masks, strict=True)]
        self.ways = [_OPEN] * len(self._constraints)
        self._trail = []
        return min(self.high, default=0) >= 0 and self._narrow(range(len(self._sizes)))

    @property
    def mark(self) -> int:
        """Where :meth:`back_to` returns to."""
        return len(self._trail)

    def back_to(self, mark: int) -> None:
        """Undo what was decided since `mark`."""
        trail = self._trail
        while len(trail) > mark:
            what, index, value = trail.pop()
            (self.low, self.high, self.ways)[what][index] = value

    def take(self, constraint: int, way: int) -> bool:
        """Decide which buffer lies above (see :attr:`ways`) and narrow the ranges; False when nothing fits any more."""
        self._trail.append((_WAY, constraint, self.ways[constraint]))
        self.ways[constraint] = way
        return self._narrow(self._constraints[constraint][:2])

    def collisions(self) -> Iterable[tuple[int, int, int]]:
        """Yield, for constraints that do not hold with every buffer as low as it can be, what either way leaves.

        Yields
        ------
        constraint : int
        first, second : int
            Bytes that the ranges leave when the first buffer, or the second, lies above.
        """
        low, high = self.low, self.high
        # Looking for them is much quicker than narrowing.
        self.work += len(self.ways) // 4
        for i, way in enumerate(self.ways):
            if way:
                continue
            a, b, least, most = self._constraints[i]
            if least < low[a] - low[b] < most:
                yield i, high[a] - low[b] - most, high[b] - low[a] + least

    def _narrow(self, changed: Iterable[int]) -> bool:
        """Take every way that is the only one and narrow the ranges, beginning at the buffers that changed."""
        low, high, ways, trail = self.low, self.high, self.ways, self._trail
        pending = list(changed)
        waiting = set(pending)
        work = 0
        while pending:
            k = pending.pop()
            waiting.discard(k)
            work += len(self._of[k])
            for i in self._of[k]:
                a, b, least, most = self._constraints[i]
                way = ways[i]
                if way == _OPEN:
                    first = low[b] + most <= high[a]
                    second = low[a] - least <= high[b]
                    if first and second:
                        continue
                    if not first and not second:
                        return self._contradiction(i, work)
                    way = ways[i] = _FIRST_ABOVE if first else _SECOND_ABOVE
                    trail.append((_WAY, i, _OPEN))
                above, below, apart = (a, b, most) if way == _FIRST_ABOVE else (b, a, -least)
                lowest = low[below] + apart
                if lowest > low[above]:
                    mask = self._masks[above]
                    lowest = (lowest + mask) & ~mask
                    if lowest > high[above]:
                        return self._contradiction(i, work)
                    trail.append((_LOW, above, low[above]))
                    low[above] = lowest
                    if above not in waiting:
                        pending.append(above)
                        waiting.add(above)
                highest = high[above] - apart
                if highest < high[below]:
                    highest &= ~self._masks[below]
                    if highest < low[below]:
                        return self._contradiction(i, work)
                    trail.append((_HIGH, below, high[below]))
                    high[below] = highest
                    if below not in waiting:
                        pending.append(below)
                        waiting.add(below)
        self.work += work
        return True

    def _contradiction(self, constraint: int, work: int) -> bool:
        self.weights[constraint] += 1
        self.work += work
        return False
