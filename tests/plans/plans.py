"""Plans that are legal but that no search would choose: random cuts, odd bands and patches, the longest segments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import numpy as np

from tvm_patch.errors import PlanError
from tvm_patch.input_mode import InputMode
from tvm_patch.planner.modes import fetched_inputs
from tvm_patch.planner.network import Network
from tvm_patch.planner.search.dynamic import Search
from tvm_patch.planner.segments import Segment, segment_of

Cut = tuple[int, int]
"""Rows of patches (0: none) and bands."""

CUTS: tuple[Cut, ...] = (*((0, bands) for bands in (1, 2, 3, 4, 5, 7)), (2, 2), (3, 3), (5, 4), (2, 5))
ODD: tuple[Cut, ...] = ((0, 3), (0, 5), (0, 7), (3, 3), (5, 5))


def random_plan(
    network: Network, seed: int, mode: InputMode = "resident", cuts: Sequence[Cut] = CUTS, longest: int = 12
) -> list[Segment]:
    """Cut a network into random segments, each in one of some ways to cut its output, or uncut if none is legal.

    Raises
    ------
    PlanError
        When the mode does not suit the network, or no segment can read streamed rows once.
    """
    rng = np.random.default_rng(seed)

    def shuffled() -> list[Cut]:
        return [cuts[i] for i in rng.permutation(len(cuts))]

    return _cut(network, mode, lambda: int(rng.integers(1, longest + 1)), shuffled)


def searched_plan(network: Network, seed: int, mode: InputMode = "resident") -> tuple[Segment, ...]:
    """Return a plan from the front of a search: the one with the least arena for odd seeds."""
    front = Search(network, mode, 4.0).front
    return front[0 if seed % 2 else seed % len(front)].segments


def longest_plan(network: Network, bands: int, mode: InputMode = "resident") -> list[Segment]:
    """Cut a network into segments as long as they can be, in `bands` bands or as many fewer as it takes."""
    return _cut(network, mode, lambda: 30, lambda: [(0, pieces) for pieces in range(bands, 0, -1)])


def _cut(
    network: Network, mode: InputMode, length: Callable[[], int], cuts: Callable[[], list[Cut]]
) -> list[Segment]:
    fetched = fetched_inputs(network, mode)
    together = 0
    if mode == "streamed":
        together = max(op.index + 1 for name in fetched for op in network.consumers(name))
    segments: list[Segment] = []
    first, count = 0, len(network.operators)
    while first < count:
        least = max(1, together - first)
        most = min(count - first, max(least, length()))
        choices = [(0, 1)] if first < together else [*cuts(), (0, 1)]
        segments.append(_longest_legal(network, first, range(most, least - 1, -1), choices, fetched))
        first += len(segments[-1].operators)
    return segments


def _longest_legal(
    network: Network, first: int, lengths: Iterable[int], cuts: list[Cut], fetched: frozenset[str]
) -> Segment:
    for length in lengths:
        operators = tuple(range(first, first + length))
        if length == 1 and not network.operators[first].rows:
            return Segment(operators)
        after = {t for op in network.operators[first + length :] for t in op.inputs} | set(network.outputs)
        for patch_rows, bands in cuts:
            segment = segment_of(operators, bands, patch_rows)
            with suppress(PlanError):
                segment.lay_out(network, after, fetched)
                return segment
    raise PlanError(f"operator {first} cannot begin any segment here")
