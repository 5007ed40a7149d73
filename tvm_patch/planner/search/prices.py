"""What a segment costs at the cuts that it lies between."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tvm_patch.planner.network import Network
from tvm_patch.planner.search.cuts import Cuts
from tvm_patch.planner.search.grown import Costs, Grown
from tvm_patch.planner.search.moves import Move, undominated
from tvm_patch.planner.segments import Segment


class Priced(NamedTuple):
    """A segment and what it costs.

    Attributes
    ----------
    start, end : int
        Cuts.
    peak : int
        Bytes in use where its output lies beside what it reads.
    shared : int
        Most bytes that the output can share with what it reads.
    costs : Costs
    grown : Grown
    """

    start: int
    end: int
    peak: int
    shared: int
    costs: Costs
    grown: Grown


@dataclass(frozen=True)
class GrownFootprint:
    """What a segment that was grown asks of the arena: a :class:`tvm_patch.planner.placement.Footprint`."""

    grown: Grown
    costs: Costs
    is_copy: bool = False
    takes_over: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Tensors read from the arena."""
        return self.costs.sources

    @property
    def stored(self) -> tuple[str, ...]:
        """Tensors written to the arena."""
        return self.costs.stored

    @property
    def scratch_bytes(self) -> int:
        """Bytes that it needs beside those tensors."""
        return self.costs.scratch

    @cached_property
    def input_distance(self) -> dict[str, int | None]:
        """Per source: the least (input offset - output offset) at which the output may overlap it."""
        return {name: self.grown.distance(name) for name in self.sources}


class Prices:
    """Costs of segments of one network.

    Parameters
    ----------
    network : Network
    fetched : frozenset of str
        Network inputs that are not in the arena.
    once : bool
        Whether rows of fetched inputs come only once, in order.

    Attributes
    ----------
    cuts : Cuts
    """

    def __init__(self, network: Network, fetched: frozenset[str], once: bool) -> None:
        self.network, self.fetched = network, fetched
        self.cuts = Cuts(network, fetched)
        readers = [[op.index for op in network.consumers(name)] for name in sorted(fetched)]
        self._together = [frozenset(r) for r in readers if r] if once else []
        self._last_reader = max((max(r) for r in self._together), default=-1)

    def priced(
        self, grown: Grown, start: int, end: int, most: int, beside: int = 0, expected: float = 0.0
    ) -> Iterator[Priced]:
        """Yield what a segment costs, if it can run and needs less than `most` bytes.

        Parameters
        ----------
        grown : Grown
        start, end : int
            Cuts.
        most : int
        beside : int
            Bytes that are in use beside what lives at the first cut.
        expected : float
            Bytes below which the segment sets no plan's peak, and which sharing need not make less.
        """
        costs = grown.costs()
        if costs is None:
            return
        least = beside + self.cuts.new_bytes(costs.stored, start) + costs.scratch
        if least >= most or not self._reads_all_or_nothing(grown):
            return
        peak = least + self.cuts.alive[start]
        shared = self._most_shared(grown, costs, end) if peak > expected else 0
        if peak - shared < most:
            yield Priced(start, end, peak, shared, costs, grown)

    def move(self, priced: Priced) -> Move:
        """Return the move that runs a segment."""
        grown, costs = priced.grown, priced.costs
        segment = Segment(grown.operators, grown.bands, composites=grown.composites)
        return Move(priced.start, priced.end, self.peak(priced), costs.macs, costs.cycles, (segment,))

    def peak(self, priced: Priced) -> int:
        """Return the bytes in use while a segment runs, with its output over what it reads where that may be."""
        if not priced.shared:
            return priced.peak
        grown, costs, end = priced.grown, priced.costs, priced.end
        dead = [t for t in costs.sources if self.cuts.dies_before(t, end)]
        dying = {t: d for t in dead if (d := grown.distance(t)) is not None}
        return priced.peak - self.cuts.saved(dying, costs.stored[0])

    def best(self, priced: Sequence[Priced]) -> list[Move]:
        """Return the moves that run segments of the same operators, but for those that others beat."""
        found: list[Move] = []
        # What is shared is worked out only where it decides something.
        for p in sorted(priced, key=lambda p: (p.peak - p.shared, p.costs.macs, p.costs.cycles)):
            costs, least = p.costs, p.peak - p.shared
            if not any(m.peak <= least and m.macs <= costs.macs and m.cycles <= costs.cycles for m in found):
                found.append(self.move(p))
        return undominated(found)

    def _most_shared(self, grown: Grown, costs: Costs, end: int) -> int:
        """Return the most bytes that a segment's output can share with what it reads."""
        if len(costs.stored) > 1 or grown.bands > 1:
            return 0
        cuts = self.cuts
        return cuts.saved({t: 0 for t in costs.sources if cuts.dies_before(t, end)}, costs.stored[0])

    def _reads_all_or_nothing(self, grown: Grown) -> bool:
        """Tell whether rows that come only once come for all of their readers, in one band."""
        if grown.piece.begin > self._last_reader:
            return True
        operators = set(grown.operators)
        inside = [readers & operators for readers in self._together]
        if any(part and part != readers for part, readers in zip(inside, self._together, strict=True)):
            return False
        return grown.bands == 1 or not any(inside)

    def reads_once(self, operators: Collection[int]) -> bool:
        """Tell whether some of these operators read rows that come only once."""
        return any(not readers.isdisjoint(operators) for readers in self._together)
