"""What a search has found so far, as a bound on what is still worth looking at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

_NEVER = 1 << 60


class Bound:
    """The least bytes that a plan is known to need, by the work that it does twice.

    Parameters
    ----------
    costs : sequence of (int, int)
        Bytes in use at once and multiply-accumulates of some plans.
    macs : int
        Of the network.
    most_macs : int
        That a plan may do.
    """

    def __init__(self, costs: Sequence[tuple[int, int]], macs: int, most_macs: int) -> None:
        self._extra: list[int] = []
        self._bytes: list[int] = []
        self._most = most_macs - macs
        for done, size in sorted((macs_done - macs, size) for size, macs_done in costs):
            if not self._bytes or size < self._bytes[-1]:
                self._extra.append(done)
                self._bytes.append(size)

    def most_bytes(self, extra: int) -> int:
        """Return the bytes below which a plan that does so much work twice must come to be of any use."""
        if extra > self._most:
            return 0
        at = bisect_right(self._extra, extra)
        return self._bytes[at - 1] if at else _NEVER
