"""Search for plans: dynamic programming over the cuts of a network.

Plain segments come first; then bands, then composites are looked at, each only where it can be better than what was
found before.  What composites may give is found out by a quick look (:mod:`tvm_patch.planner.search.least`).  Peaks are
lower bounds on the arena (they are what must be in use at once); the arena planner places every answer before it is
given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from tvm_patch.errors import PlanError
from tvm_patch.garbage import uncollected
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.bound import Bound
from tvm_patch.planner.search.layers import layer_point
from tvm_patch.planner.search.least import least_moves
from tvm_patch.planner.search.moves import Move, idle_peaks
from tvm_patch.planner.search.one_segment import OneSegment
from tvm_patch.planner.search.reach import Reached, reach
from tvm_patch.planner.search.two_passes import TwoPasses
from tvm_patch.planner.search.ways import Ways
from tvm_patch.planner.segments import Segment

_NEVER = 1 << 60
MOST_OVERHEAD = 1.5
"""Multiply-accumulates executed over those of the network beyond which plans are not looked for, unless asked."""

_HINTS: dict[InputMode, str] = {
    "resident": "allow more",
    "rereadable": "allow more, or keep the input resident",
    "streamed": "allow more, or make the input rereadable: streamed rows must all be used by one segment in one band",
}


class Search(Ways):
    """Plans of one network under one input mode.

    Parameters
    ----------
    network : Network
        With ``rows`` described for row-wise operators.
    mode : {"resident", "rereadable", "streamed"}
        Where the input comes from.
    most_overhead : float
        Plans with more multiply-accumulates, relative to the network's, are left out.
    progress : callable, optional
        Called with the fraction of the cuts that are reached.

    Raises
    ------
    PlanError
        When the input cannot be fetched as the mode says, or no plan exists.
    """

    def __init__(
        self,
        network: Network,
        mode: InputMode = "resident",
        most_overhead: float = MOST_OVERHEAD,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        most_macs = int(network.macs * most_overhead)
        with uncollected():
            self._ways = _run(network, mode, most_macs, progress)
        once = mode == "streamed" and any(len(network.consumers(name)) > 1 for name in network.inputs)
        known = () if once else (layer_point(network, mode),)
        super().__init__(network, mode, self._ways[-1].costs, most_macs, known)
        if not len(self._ways[-1].costs):
            raise PlanError(
                f"no plan runs {network.name} with {mode} input at an overhead of at most {most_overhead:g}; "
                + _HINTS[mode]
            )

    def segments_of(self, way: int) -> tuple[Segment, ...]:
        """Return the segments of a way."""
        return tuple(s for move in self._moves_of(way) for s in move.segments)

    def leaner(self, way: int) -> tuple[tuple[Segment, ...], int]:
        """Return a way with the same cuts and no more work that needs little everywhere, and its cycles.

        What is in use at once away from the peak costs nothing, but stands in the way where tensors are placed.
        """
        moves = []
        for move in self._moves_of(way):
            same = [m for m in self._ways[move.end].moves if m.start == move.start and m.macs <= move.macs]
            moves.append(min(same, key=lambda m: m.costs))
        return tuple(s for move in moves for s in move.segments), sum(move.cycles for move in moves)

    def _moves_of(self, way: int) -> list[Move]:
        moves: list[Move] = []
        end = len(self._ways) - 1
        while end:
            move, way = self._ways[end].steps[way].tolist()
            moves.append(self._ways[end].moves[move])
            end = moves[-1].start
        return moves[::-1]


def _run(
    network: Network,
    mode: InputMode,
    most_macs: int,
    progress: Callable[[float], None] | None = None,
) -> list[Reached]:
    ends = range(1, len(network.operators) + 1)
    single = OneSegment(network, fetched_inputs(network, mode), mode == "streamed")
    twice = TwoPasses(single, single.limit, most_macs - network.macs)
    found: list[list[Move]] = [[] for _ in range(len(network.operators) + 1)]
    known: list[tuple[int, int]] = []
    looks = 3 + len(_BANDS) * (network.shapes is not None)

    def look(tried: Callable[[int, Bound], Iterable[Move]], place: int) -> None:
        """Look for more moves of plans that are better than those found before."""
        bound = Bound(known, network.macs, most_macs)
        for end in ends:
            if progress is not None:
                progress((place + end / len(ends)) / looks)
            found[end] += tried(end, bound)
        known[:] = reach(network, found, most_macs)[-1].costs[:, :2].tolist()

    look(lambda end, _: [*single.moves_to(end), *twice.moves_to(end)], 0)
    look(single.in_bands, 1)
    if looks > 3:
        idle, least = idle_peaks(network, [m for moves in found for m in moves]), _least(known)
        single.candidates.only_above(_HOPED * least, idle)
        bound = Bound(known, network.macs, most_macs)
        extras = [int(network.macs * part) for part in _LIMITS]
        limits = [(extra, most) for extra in extras if (most := bound.most_bytes(extra))]
        for move in list(least_moves(single, [m for moves in found for m in moves], limits)):
            found[move.end].append(move)
        known[:] = reach(network, found, most_macs)[-1].costs[:, :2].tolist()
        single.candidates.only_above(min(_WORTH * least, _SURE * _least(known)), idle)
        for i, bands in enumerate(_BANDS):
            look(partial(single.with_composites, bands), 3 + i)
    return reach(network, found, most_macs, second="both")


_LIMITS = (0.05, 0.15, 0.5)
"""Parts of the work that may be done twice for which a way with composites is looked for before all are."""
_HOPED = 0.45
"""Part of the least that a plan without composites needs below which such a way is not expected to come."""
_BANDS = (1, 2, 4)
"""Numbers of bands in which segments with composites are tried."""
_WORTH = 0.6
"""Composites are tried where operators need more than this part of the least that a plan without composites needs."""
_SURE = 0.85
"""And where they need more than this part of the least that is known then."""


def _least(known: Sequence[tuple[int, int]]) -> int:
    return min((peak for peak, _ in known), default=_NEVER)
