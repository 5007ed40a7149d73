"""What a piece of code costs on a core whose memory always answers at once."""

from __future__ import annotations

from typing import NamedTuple


class BlockCost(NamedTuple):
    """Cycles of a block.

    Attributes
    ----------
    issue : float
        Those that its instructions take if every operand is there.
    result_stalls : float
        Those that it waits for results.
    """

    issue: float
    result_stalls: float

    @property
    def cycles(self) -> float:
        """All of them."""
        return self.issue + self.result_stalls
