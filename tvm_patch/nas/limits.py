"""What a board can hold, and whether an architecture fits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tvm_patch.nas.cost import Cost
from tvm_patch.nas.record import Part

_Limit = Annotated[int, Field(ge=1, strict=True)] | None


class Limits(Part):
    """The most that a network may take; None where it does not matter.

    Attributes
    ----------
    sram_bytes : int or None
        Of the arena.
    flash_bytes : int or None
        Of the constants.
    cycles : int or None
        Of one inference, by the model of the core.
    """

    sram_bytes: _Limit = None
    flash_bytes: _Limit = None
    cycles: _Limit = None

    def excess(self, cost: Cost) -> float:
        """Return the largest ratio of what a network takes to its limit; at most 1 where it fits."""
        pairs = (
            (cost.arena_bytes, self.sram_bytes),
            (cost.flash_bytes, self.flash_bytes),
            (cost.cycles, self.cycles),
        )
        return max((taken / limit for taken, limit in pairs if limit is not None), default=0.0)

    def fits(self, cost: Cost) -> bool:
        """Return whether a network fits."""
        return self.excess(cost) <= 1
